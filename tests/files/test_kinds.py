"""What a file is, by its content."""

from __future__ import annotations

import pytest

from roost.files.kinds import HEAD, INLINE, kind_of_head
from tests.files.pictures import picture

BEGINNINGS = (
    "BM",
    "MZ",
    "ID3",
    "GIF89a",
    "P5 ",
    "P6\n",
    "RIFF",
    "OggS",
    "fLaC",
    "BZh",
    "0123456789",
    "070701",
    "2024-1",
)
WORDS = ("From:", "From ", "function", "#define ")


@pytest.mark.parametrize("beginning", [*BEGINNINGS, *WORDS])
def test_text_is_text_whatever_it_begins_with(beginning: str) -> None:
    assert kind_of_head(f"{beginning} is how it begins, 茶\n".encode()) == "text/plain"
    assert kind_of_head((beginning + "x" * HEAD).encode()[:HEAD]) == "text/plain"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b'{"a": 1}', "application/json"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"%!PS-Adobe-3.0\n", "application/postscript"),
        (b"{\\rtf1 hello}", "application/rtf"),
        (b"BEGIN:VCARD\nVERSION:4.0\n", "text/vcard"),
        (b"BEGIN:VCALENDAR\n", "text/calendar"),
        (b"WEBVTT\n\n", "text/vtt"),
        (b"#EXTM3U\n", "application/vnd.apple.mpegurl"),
        (b"d8:announce20:udp://tracker", "application/x-bittorrent"),
        (b"[InternetShortcut]\nURL=file:x", "application/x-mswinurl"),
        (b"Windows Registry Editor Version 5.00\r\n", "text/x-ms-regedit"),
        (b"#!/bin/sh\n<html>", "text/x-shellscript"),
        (b"#!/bin/sh\n\x00", "text/x-shellscript"),
    ],
)
def test_formats_that_are_text_say_what_they_are(head: bytes, kind: str) -> None:
    assert kind_of_head(head) == kind


@pytest.mark.parametrize("before", ["", "MZ", "GIF89a", "ID3", "From: ann\n\n", "%PDF-1.7\n", "{", "\ufeff"])
@pytest.mark.parametrize(
    ("markup", "kind"),
    [
        ("<!doctype html><p>", "text/html"),
        ("<script>alert(1)</script>", "text/html"),
        ("<svg onload='alert(1)'/>", "image/svg+xml"),
    ],
)
def test_markup_is_markup_whatever_stands_before_it(before: str, markup: str, kind: str) -> None:
    assert kind_of_head((before + markup).encode()) == kind
    assert kind not in INLINE


@pytest.mark.parametrize("head", [b"<!-- hello -->", b"<!DOCTYPE svg>", b"\xff\xfe<\0h\0t\0m\0l\0>\0"])
def test_what_may_be_a_page_is_one(head: bytes) -> None:
    assert kind_of_head(head) == "text/html"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (picture(kind="GIF"), "image/gif"),
        (picture(kind="BMP"), "image/bmp"),
        (b"MZ\x90\x00\x03", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01", "application/x-elf"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"BM\xff\xfe", "image/bmp"),
        (b"\x00\x01", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_what_is_no_text_is_told_by_how_it_begins(head: bytes, kind: str) -> None:
    assert kind_of_head(head) == kind
