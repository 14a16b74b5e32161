"""The pages of docs/examples, with React and Vue in them, for two people who write to each other."""

import json
import re
from functools import partial

import pytest
from playwright.sync_api import expect

from notifications.services import notify
from realtime.chat.direct import send_direct
from tests.browser.host_site import Answer
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT

NODE = CHECKOUT / "tests/node/node_modules"
ADDRESS = "http://localhost:8000"  # where `make run` answers
REACT, VUE = "https://esm.sh/", "https://unpkg.com/"


def wrapped(file, **imports):
    """A module of what npm has for Node only."""
    text = (NODE / file).read_text()
    names = sorted(set(re.findall(r"^ *exports\.(\w+) =", text, re.MULTILINE)))
    imported = "".join(f'import {alias} from "{REACT}{address}";' for alias, address in imports.items())
    found = "".join(f'"{name.replace("_", "-")}": {name},' for name in imports)
    return f"""{imported}
const module = {{ exports: {{}} }};
(function (exports, require, process) {{ {text}
}})(module.exports, (name) => ({{ {found} }})[name], {{ env: {{ NODE_ENV: "development" }} }});
export default module.exports;
export const {{ {", ".join(names)} }} = module.exports;"""


@pytest.fixture(scope="module")
def libraries():
    """What stands at the addresses that the examples' import maps name. React is the one for development, whose strict mode mounts twice."""
    version = json.loads((NODE / "react/package.json").read_text())["version"]
    react, dom, scheduler = f"react@{version}", f"react-dom@{version}", "scheduler"
    return {
        REACT + react: wrapped("react/cjs/react.development.js"),
        REACT + scheduler: wrapped("scheduler/cjs/scheduler.development.js"),
        REACT + dom: wrapped("react-dom/cjs/react-dom.development.js", react=react),
        f"{REACT}{dom}/client": wrapped("react-dom/cjs/react-dom-client.development.js", react=react, react_dom=dom, scheduler=scheduler),
        f"{VUE}vue@{json.loads((NODE / 'vue/package.json').read_text())['version']}/dist/vue.esm-browser.prod.js": (
            NODE / "vue/dist/vue.esm-browser.prod.js"
        ).read_text(),
    }


@pytest.fixture(params=["react", "vue"])
def example(request, trial, host, contexts, libraries, token):
    """`example(mia, bob)`: the example's page as Mia sees it who talks to Bob, in a browser of her own. `sockets` are those it has open."""
    text = (CHECKOUT / f"docs/examples/{request.param}.html").read_text()
    assert ADDRESS in text
    host.pages["/example"] = Answer(text.replace(ADDRESS, trial.url))

    def serve(route):
        assert route.request.url in libraries, f"{route.request.url} is not what is installed for the tests"
        route.fulfill(body=libraries[route.request.url], content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"})

    def open_page(user, peer):
        host.tokens[user.username] = token(user)
        context = contexts()
        context.route(re.compile(f"^({REACT}|{VUE})"), serve)
        context.add_cookies([{"name": "who", "value": user.username, "url": host.url}])
        page = context.new_page()
        page.sockets = set()
        page.on("websocket", partial(watch, page.sockets))
        page.goto(f"{host.url}/example?with={peer.pk}")
        expect(page.locator("#state")).to_contain_text("Connected,")
        return page

    return open_page


def watch(sockets, socket):
    sockets.add(socket)
    socket.on("close", lambda closed: sockets.discard(closed))  # noqa: PLW0108 - Playwright takes no method of what is not Python's own


def messages(page):
    return page.locator("#messages").get_by_role("listitem")


def say(page, text):
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_two_people_and_what_concerns_them(example, mia, bob, eve):
    send_direct(sender=bob, to_user_id=mia.pk, text="From yesterday")
    mias, bobs, eves = example(mia, bob), example(bob, mia), example(eve, mia)
    expect(messages(mias)).to_have_text("Bob: From yesterday")
    expect(mias.locator("#state")).to_have_text(re.compile(r"Connected, \d+ online"))
    mias.get_by_role("textbox", name="Message").press_sequentially("Is")
    expect(bobs.locator("#typing")).to_have_text("is writing…")
    say(mias, "Is the <b>oolong</b> back?")
    expect(messages(bobs)).to_have_text(["You: From yesterday", "Mia: Is the <b>oolong</b> back?"])
    expect(bobs.locator("#typing")).to_be_empty()
    say(bobs, "Yes")
    for page, texts in ((mias, ["Bob: From yesterday", "You: Is the <b>oolong</b> back?", "Bob: Yes"]), (eves, [])):
        expect(messages(page)).to_have_text(texts)
    expect(messages(mias).nth(1)).to_have_attribute("data-state", "stored")
    # Without a connection it waits, and goes when there is one.
    mias.context.set_offline(True)
    notify(users=[mia], type="system", title="We open at nine", message="…")
    mias.context.set_offline(False)
    expect(mias.get_by_role("heading", name="Notifications (1)")).to_be_visible(timeout=20_000)
    mias.get_by_role("button", name="Mark read").click()
    expect(mias.get_by_role("heading", name="Notifications (0)")).to_be_visible()
    expect(eves.locator("#notifications").get_by_role("listitem")).to_have_count(0)


def test_it_mounts_twice_goes_and_comes_back_with_one_connection(example, mia, bob):
    page = example(mia, bob)
    until(lambda: page.evaluate("1") and len(page.sockets) == 1, what="there is one connection")
    page.get_by_role("button", name="Close").click()
    until(lambda: page.evaluate("1") and not page.sockets, what="it is closed with the component")
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#state")).to_contain_text("Connected,")
    send_direct(sender=bob, to_user_id=mia.pk, text="Once")
    expect(messages(page)).to_have_text("Bob: Once")
    until(lambda: page.evaluate("1") and len(page.sockets) == 1, what="there is one connection again")


def test_who_is_here_is_counted_and_how_somebody_is_is_told(example, mia, bob):
    mias = example(mia, bob)
    # Those of the tests before may still be on their way out.
    expect(mias.locator("#state")).to_have_text("Connected, 1 online", timeout=30_000)
    bobs = example(bob, mia)
    expect(mias.locator("#state")).to_have_text("Connected, 2 online", timeout=15_000)
    bobs.get_by_role("combobox", name="Status").select_option("busy")
    bobs.context.close()
    expect(mias.locator("#state")).to_have_text("Connected, 1 online", timeout=15_000)
