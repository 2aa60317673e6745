"""Operations over the socket, with the browser SDK: from every tab, with the usual errors."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.web.conftest import Lines, connected

ASK = """async ([method, path, body, options]) => {
  const {client} = await import("/app/state.js");
  try {
    return {data: await client.value.request(method, path, body, options)};
  } catch (error) {
    return {name: error.name, slug: error.slug, code: error.code, message: error.message};
  }
}"""


def ask(page: Page, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate(ASK, [method, path, body, options])
    return answer


def test_every_tab_asks_over_the_one_connection_with_the_usual_errors(lines: Lines) -> None:
    page = lines.sign_in("ann.asks")
    tab = lines.watched(page.context.new_page())
    tab.goto(lines.server.url)
    connected(tab)
    for one in (page, tab):
        http: list[str] = []
        one.on("request", lambda request, http=http: http.append(request.url))
        made = ask(one, "POST", "/groups", {"name": "Tea", "members": []})["data"]
        assert (made["name"], made["memberCount"]) == ("Tea", 1)
        refused = ask(one, "PUT", "/blocks/nobody.at.all")
        assert (refused["name"], refused["slug"], refused["code"]) == ("RoostError", "unknown_receiver", 40401)
        assert ask(one, "POST", "/uploads", {})["slug"] == "over_http_only"
        assert ask(one, "PATCH", "/users/me", {"status": "x" * 70_000})["slug"] == "too_large"
        assert ask(one, "PATCH", "/users/me", [])["slug"] == "invalid_input"
        assert ask(one, "GET", "/drafts", patience=0)["message"] == "GET /drafts: no answer in 0 ms"
        assert not [url for url in http if "/groups" in url]
    page.get_by_role("button", name="Go offline").click()
    tab.wait_for_selector(".status.disconnected")
    for one in (page, tab):
        away = ask(one, "GET", "/drafts")
        assert (away["name"], away["slug"]) == ("NetworkError", "network")


def test_one_user_is_no_list_of_users(lines: Lines) -> None:
    page = lines.sign_in("ann.names-one")
    for method in ("online", "watch", "profiles"):
        told = page.evaluate(
            """async (method) => {
              const {client} = await import("/app/state.js");
              try {
                await client.value[method]("bob");
              } catch (error) {
                return error.name;
              }
            }""",
            method,
        )
        assert told == "TypeError", method


def test_what_has_no_answer_when_the_connection_goes_fails(lines: Lines) -> None:
    page = lines.sign_in("ann.is-cut")
    told = page.evaluate(
        """async () => {
          const {client} = await import("/app/state.js");
          const asked = client.value.request("GET", "/drafts");
          client.value.disconnect();
          return asked.then(() => "answered", (error) => error.message);
        }"""
    )
    assert "lost before the answer" in told


def test_a_token_that_has_expired_is_replaced_by_a_new_connection(lines: Lines) -> None:
    page = lines.sign_in("ann.renews")
    given = [lines.server.token("ann.renews", "other", lifetime=2), lines.server.token("ann.renews", "other")]
    told = page.evaluate(
        """async ([url, given]) => {
          const {Client, tokens} = await import("/sdk/index.js");
          const session = tokens(async () => given.shift());
          const client = new Client(url, {session, userID: "ann.renews", deviceID: "other"});
          const states = [];
          client.on("state", ({state}) => states.push(state));
          await client.open();
          while (client.state !== "connected") await new Promise((resolve) => setTimeout(resolve, 20));
          const answers = [];
          while (given.length) {
            answers.push(await client.request("GET", "/blocks"));
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
          answers.push(await client.request("GET", "/blocks"));
          await client.close();
          return {states, answers};
        }""",
        [lines.server.url, given],
    )
    assert told["answers"] == [{"blocks": []}] * len(told["answers"])
    assert "connecting" in told["states"][told["states"].index("connected") :]
