"""The addresses that a shop embeds, and what belongs to them."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest
from django.test import Client

from realtime.modules import imported_by
from tests.sockets import connect

STATIC = Path(__file__).parents[2] / "realtime/static"
WORDS = sorted((STATIC / "realtime").rglob("words.js"))


def test_any_page_may_load_the_loader_and_asks_for_it_again_only_when_it_has_changed():
    answer = Client().get("/widget.js", headers={"Accept-Encoding": "gzip", "Origin": "https://any.example"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "max-age=300" in answer["Cache-Control"]
    assert "public" in answer["Cache-Control"]
    assert "Accept-Encoding" in answer["Vary"]
    assert len(answer.content) < 3000
    assert gzip.decompress(answer.content) == Client().get("/widget.js").content == (STATIC / "realtime/widget/loader.js").read_bytes()
    assert Client().get("/widget.js", headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_only_sites_that_are_allowed_may_frame_the_chat(options):
    options(ws_allowed_origins=("https://shop.example",))
    answer = Client().get("/widget/")
    assert answer.status_code == 200
    policy = dict(each.strip().split(" ", 1) for each in answer["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == "'self' https://shop.example"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "X-Frame-Options" not in answer
    assert not re.search(rb"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", answer.content)


def test_a_page_that_speaks_another_language_than_its_browser_says_so_in_the_address(server, ann, token):
    with connect(f"{server.ws_url}/ws/chat", token=token(ann), query={"lang": "zh-hans"}, new=True, headers={"Accept-Language": "en"}) as socket:
        assert socket.until("connected")["data"]["message"].startswith("欢迎")


def test_the_page_names_every_module_that_it_needs():
    named = Client().get("/widget/").content.decode()
    modules = imported_by(STATIC, "realtime/widget/frame.js")
    assert "realtime/client.js" in modules
    assert len(set(modules)) == len(modules)
    assert all(f"{module}" in named for module in modules)
    assert {f"realtime/widget/{path.name}" for path in (STATIC / "realtime/widget").glob("*.js")} == {
        *(module for module in modules if module.startswith("realtime/widget/")),
        "realtime/widget/frame.js",
        "realtime/widget/loader.js",
    }


@pytest.mark.parametrize("path", WORDS, ids=[path.parent.name for path in WORDS])
def test_both_languages_say_the_same_with_the_same_values(path):
    program = f"import({json.dumps(path.as_uri())}).then(({{ WORDS }}) => console.log(JSON.stringify(WORDS)))"
    words = json.loads(subprocess.run(["node", "-e", program], check=True, capture_output=True, text=True).stdout)
    assert set(words) == {"en", "zh-hans"}
    places = {lang: {word: set(re.findall(r"{\w+}", text)) for word, text in said.items()} for lang, said in words.items()}
    assert places["en"] == places["zh-hans"]
    assert not [text for said in words.values() for text in said.values() if "!" in text or "！" in text]


def test_no_script_of_ours_turns_text_into_markup():
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment")
    assert [path.name for path in (STATIC / "realtime").rglob("*.js") if forbidden.search(path.read_text())] == []
