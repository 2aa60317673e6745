"""The settings: defaults < file < environment < flags, and what is wrong is named (CONTRACT §1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import roost
from roost import __main__ as command
from roost.config import Config, ConfigError, load

EXAMPLE = Path(roost.__file__).with_name("config.example.yaml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ROOST_"):
            monkeypatch.delenv(name)


def keys(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """Every setting, as `section.key`."""
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from keys(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def written(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield from written(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]


class TestExample:
    def test_its_values_are_the_defaults(self) -> None:
        assert load(EXAMPLE, {}) == load(None, {}) == Config()

    def test_it_has_every_setting_and_no_other(self) -> None:
        assert sorted(written(yaml.safe_load(EXAMPLE.read_text()))) == sorted(keys(Config))


class TestPrecedence:
    def test_the_file_wins_over_the_defaults(self, file: Path) -> None:
        file.write_text("limits: {max_content: 70}\n")
        settings = load(file, {})
        assert (settings.limits.max_content, settings.limits.messages_per_minute) == (70, 600)

    def test_the_environment_wins_over_the_file(self, file: Path) -> None:
        file.write_text("limits: {max_content: 70, messages_per_minute: 5}\n")
        settings = load(file, {"ROOST_LIMITS__MAX_CONTENT": "80"})
        assert (settings.limits.max_content, settings.limits.messages_per_minute) == (80, 5)

    def test_flags_win_over_the_environment(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file.write_text("server: {host: 10.0.0.1, port: 1, data: from-file}\n")
        monkeypatch.setenv("ROOST_SERVER__PORT", "2")
        monkeypatch.setenv("ROOST_SERVER__DATA", "from-environment")
        served: list[Config] = []

        async def serve(settings: Config) -> None:
            served.append(settings)

        monkeypatch.setattr(command, "_serve", serve)
        monkeypatch.setattr("roost.app.raise_file_limit", lambda: None)
        monkeypatch.setattr("roost.log.configure", lambda _: None)
        command.serve(config=file)
        command.serve(config=file, host="10.0.0.2", port=3, data=Path("from-flag"))
        assert [(each.server.host, each.server.port, each.server.data) for each in served] == [
            ("10.0.0.1", 2, "from-environment"),
            ("10.0.0.2", 3, "from-flag"),
        ]

    @pytest.mark.parametrize("text", ["", "# nothing\n", "limits:\n", "{}\n"])
    def test_an_empty_file_is_the_defaults(self, file: Path, text: str) -> None:
        file.write_text(text)
        assert load(file, {}) == Config()


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("ROOST_LIMITS__MESSAGES_PER_MINUTE", "0", 0),
            ("ROOST_PRESENCE__TTL", "2.5", 2.5),
            ("ROOST_AUTH__OPEN_REGISTRATION", "false", False),
            ("ROOST_PUSH__APNS__ENABLED", "true", True),
            ("ROOST_SERVER__ORIGINS", "[self, 'https://app.example.com']", ["self", "https://app.example.com"]),
            ("ROOST_SERVER__HOST", "::1", "::1"),
            ("ROOST_AUTH__JWKS", "https://keys.example.com/jwks.json", "https://keys.example.com/jwks.json"),
            ("ROOST_AUTH__JWKS", "null", None),
            ("ROOST_AUTH__ISSUER", "", None),
            ("ROOST_AUTH__AUDIENCE", "12345", "12345"),
            ("ROOST_AUTH__AUDIENCE", "1.10", "1.10"),
            ("ROOST_AUTH__ISSUER", "yes", "yes"),
            ("ROOST_SERVER__DATA", "2026", "2026"),
            ("ROOST_SERVER__DATA", "~", "~"),
            ("ROOST_SERVER__DATA", "/with: colon #and hash", "/with: colon #and hash"),
        ],
    )
    def test_a_value_is_read_as_its_setting_wants_it(self, name: str, value: str, expected: object) -> None:
        found: Any = load(None, {name: value})
        for part in name.removeprefix("ROOST_").lower().split("__"):
            found = getattr(found, part)
        assert found == expected

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PATH", "y"),
            ("ROOSTER__X", "z"),
            ("ROOST_TOKEN", "x.y.z"),
            ("ROOST_FROM", "sqlite:data"),
            ("ROOST_TO", "postgresql://db/roost"),
            ("ROOST_HOME", "/srv/roost"),
            ("ROOST_PORT", "tcp://10.0.0.1:8080"),
            ("ROOST_SERVER_PORT", "tcp://10.0.0.1:8080"),
            ("ROOST_SERVICE_HOST", "10.0.0.1"),
            ("ROOST_SERVICE_PORT", "8080"),
            ("ROOST_SERVICE_PORT_HTTP", "8080"),
            ("ROOST_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("ROOST_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("ROOST_DATABASE_PORT", "tcp://10.0.0.2:5432"),
            ("ROOST_DATABASE_SERVICE_HOST", "10.0.0.2"),
            ("ROOST_DATABASE_PORT_5432_TCP_PROTO", "tcp"),
        ],
    )
    def test_variables_of_others_are_passed_over(self, name: str, value: str) -> None:
        assert load(None, {name: value}) == Config()


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("limits: {max_contend: 70}", "max_contend"),
            ("limit: {max_content: 70}", "limit"),
            ("push: {apns: {enable: true}}", "enable"),
            ("limits: {max_content: many}", "limits.max_content"),
            ("limits: {max_content: 1.5}", "limits.max_content"),
            ("limits: {max_content: null}", "limits.max_content"),
            ("server: {origins: self}", "server.origins"),
            ("server: {origins: [chat.example.com]}", "server.origins has 'chat.example.com'"),
            ("server: {origins: ['https://chat.example.com/']}", "server.origins"),
            ("server: {origins: ['https://Chat.example.com']}", "server.origins"),
            ("server: {images: ['*']}", "server.images"),
            ('server: {images: ["https://a.example; script-src *"]}', "server.images"),
            ("server: 8080", "server"),
            ("limits: {max_content: 0}", "limits.max_content"),
            ("limits: {messages_per_minute: -1}", "limits.messages_per_minute"),
            ("sync: {batch: 101}", "sync.batch"),
            ("sync: {window: 0}", "sync.window"),
            ("sync: {window: 2147483648}", "sync.window"),
            ("limits: {max_content: 2147483648}", "limits.max_content"),
            ("limits: {max_frame: 2147483648}", "limits.max_frame"),
            ("server: {port: 70000}", "server.port"),
            ("server: {port: -1}", "server.port"),
            ("server: {trusted_proxies: [10.0.0.0/8, proxy.local]}", "server.trusted_proxies has 'proxy.local'"),
            ("presence: {ttl: .nan}", "presence.ttl"),
            ("sync: {save_interval: .inf}", "sync.save_interval"),
            ("log: {level: loud}", "log.level"),
            ("log: {format: xml}", "log.format"),
        ],
    )
    def test_what_is_wrong_in_the_file_is_named(self, file: Path, text: str, named: str) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError, match=named):
            load(file, {})

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            (
                "ROOST_LIMITS__MAX_CONTEND",
                "70",
                "ROOST_LIMITS__MAX_CONTEND names no setting; did you mean ROOST_LIMITS__MAX_CONTENT?",
            ),
            ("ROOST_NOTHING__KEY", "1", "ROOST_NOTHING__KEY names no setting"),
            ("ROOST_FOO__X", "1", "ROOST_FOO__X names no setting; settings are named as ROOST_SERVER__PORT is."),
            ("ROOST_SERVER_PORT", "80", "ROOST_SERVER_PORT names no setting; did you mean ROOST_SERVER__PORT?"),
            ("ROOST_WEBHOOKS__ATTEMPT", "3", "ROOST_WEBHOOKS__ATTEMPT names no setting"),
            ("ROOST_LIMITS__MAX_CONTENT", "many", "ROOST_LIMITS__MAX_CONTENT: Expected `int`, got `str`."),
            ("ROOST_LIMITS__MAX_CONTENT", "0", "ROOST_LIMITS__MAX_CONTENT: limits.max_content must be at least 1"),
            ("ROOST_LIMITS__MAX_CONTENT", "2026-13-45", "ROOST_LIMITS__MAX_CONTENT: Expected `int`, got `str`."),
            ("ROOST_LIMITS__MAX_CONTENT__DEEPER", "1", "ROOST_LIMITS__MAX_CONTENT__DEEPER names no setting"),
            (
                "ROOST_WEBHOOKS__ENDPOINTS",
                "[{name: a}]",
                "ROOST_WEBHOOKS__ENDPOINTS: Object missing required field `url` - at `[0]`.",
            ),
            ("ROOST_LOG__LEVEL", "loud", "ROOST_LOG__LEVEL: Invalid enum value 'loud'."),
        ],
    )
    def test_what_is_wrong_in_the_environment_is_blamed_on_the_variable(
        self, file: Path, name: str, value: str, told: str
    ) -> None:
        file.write_text("limits: {max_content: 5}\n")
        with pytest.raises(ConfigError) as caught:
            load(file, {name: value})
        assert str(caught.value).startswith(told)

    @pytest.mark.parametrize(
        ("text", "told"),
        [("server: 8080", "at `server`"), ("sync: {batch: 0}", "sync.batch must be at least 1")],
    )
    def test_what_is_wrong_in_the_file_is_blamed_on_the_file(self, file: Path, text: str, told: str) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError, match=told) as caught:
            load(file, {"ROOST_SERVER__PORT": "8081"})
        assert str(caught.value).startswith(f"{file}: ")

    @pytest.mark.parametrize(
        "text", ["a: [", "- a", "text", "5", "a: b: c", "\0", "a: 2024-13-45", "? [a]\n: 1", "a: *b", "\t- a"]
    )
    def test_what_is_no_settings_file_is_told(self, file: Path, text: str) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError, match=r"config\.yaml"):
            load(file, {})

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("server: {port: 1}\nlog: {}\nserver: {port: 2}", "line 3: 'server' is there twice"),
            ("server:\n  port: 1\n  port: 2", "line 3: 'port' is there twice"),
            ("server:\n  port: *p", "line 2: found undefined alias 'p'"),
        ],
    )
    def test_the_line_is_told(self, file: Path, text: str, told: str) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(file, {})
        assert str(caught.value) == f"{file}, {told}"

    def test_a_file_that_is_not_there_is_told(self, file: Path) -> None:
        with pytest.raises(ConfigError, match="can't be read"):
            load(file, {})

    def test_a_file_that_is_not_text_is_told(self, file: Path) -> None:
        file.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(ConfigError, match=r"config\.yaml"):
            load(file, {})
