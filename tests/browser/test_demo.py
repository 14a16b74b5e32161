"""The demo's shop and the admin, as a newcomer uses them: in real browsers, on two real workers."""

import json
import os
import re
import signal
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from accounts.models import User
from notifications.services import notify
from realtime.demo import PEOPLE, make_people
from tests.cast import PASSWORD
from tests.servers.waiting import until


@pytest.fixture
def shown(trial, contexts):
    """`shown("/member/")`: a page of the demo in a browser of its own, with nothing left over."""

    def open_page(path="/", **options):
        page = contexts(base_url=trial.url, viewport={"width": 1000, "height": 800}, **options).new_page()
        noted(page)
        page.goto(path)
        return page

    return open_page


@pytest.fixture
def member(trial, contexts, token):
    """`member(mia)`: her page, as after her login."""

    def open_page(user, url=trial.url, **options):
        context = contexts(base_url=url, viewport={"width": 1000, "height": 800}, **options)
        session = {
            "token": token(user),
            "expiresAt": "2100-01-01T00:00:00Z",
            "user": {"id": user.pk, "username": user.username, "displayName": user.display_name},
        }
        context.add_init_script(f"location.protocol === 'http:' && sessionStorage.setItem('switchboard-demo', {json.dumps(json.dumps(session))})")
        page = context.new_page()
        noted(page)
        page.goto("/member/")
        connected(page)
        return page

    return open_page


def noted(page):
    """Note on which worker the page's connections are, the newest last."""
    page.served_by = []

    def note(frame):
        said = json.loads(frame)
        if said["type"] == "connected":
            page.served_by.append(said["data"]["connection_id"].split("-")[0])

    page.on("websocket", lambda socket: socket.on("framereceived", note))


def connected(page):
    expect(page.locator("#line")).to_have_attribute("data-state", "connected")
    page.wait_for_function("() => document.querySelector('switchboard-bell').client?.state.name === 'connected'")


def bell(page):
    return page.locator("switchboard-bell").get_by_role("button").first


def rung(page, number):
    expect(bell(page)).to_have_accessible_name(f"Notifications, {number} unread" if number else "Notifications", timeout=10_000)


def open_bell(page):
    bell(page).click()
    return page.get_by_role("dialog", name="Notifications").get_by_role("listitem")


def on_another_worker(page, worker):
    """Reload until the bell's connection is not with that worker."""
    for _ in range(60):
        if page.served_by[-1] != worker:
            return
        page.reload()
        connected(page)
    raise AssertionError(f"always on worker {worker}")


def send_from_admin(page, admin, *, to, title):
    """Compose in the Django admin: to several users, with the preview in between."""
    page.goto("/admin/notifications/notification/add/")
    page.locator("#id_username").fill(admin.username)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("chosen users").check()
    for user in to:
        page.locator(".select2-search__field").fill(user.username)
        page.get_by_role("option", name=user.display_name).click()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Message").fill("Read on both sides.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text(f"{len(to)} users will get this.")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(f"{len(to)} users have it.")).to_be_visible()


def test_a_notification_sent_from_the_admin_reaches_two_browsers_on_two_workers(shown, member, mia, bob, admin):
    mias, bobs, office = member(mia), member(bob), shown()
    on_another_worker(bobs, mias.served_by[-1])
    send_from_admin(office, admin, to=[mia, bob], title="The shop opens at nine")
    pictures = Path("var/pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    for name, page in (("mia", mias), ("bob", bobs)):
        expect(bell(page)).to_have_accessible_name("Notifications, 1 unread", timeout=1000)
        expect(open_bell(page).first).to_contain_text("The shop opens at nine")
        page.screenshot(path=pictures / f"demo-{name}.png")


def test_what_is_read_on_one_side_is_read_on_the_other(member, mia):
    left, right = member(mia), member(mia)
    notify(users=mia, type="system", title="Read me", message="…")
    for page in (left, right):
        rung(page, 1)
    open_bell(left).get_by_role("button", name="Mark read").click()
    for page in (left, right):
        rung(page, 0)
    expect(open_bell(right)).to_have_attribute("data-status", "read")


def test_a_person_logs_in_and_is_shown_what_goes_wrong(shown, mia):
    page = shown("/member/")
    page.get_by_label("Name").fill(mia.username)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator("#login").get_by_role("alert")).to_have_text("Name or password is wrong. Check both and try again.")
    expect(page.locator("#in")).to_be_hidden()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    connected(page)
    expect(page.locator("#account")).to_contain_text("Mia")


def test_one_click_logs_mia_in_on_every_page_of_the_tab(shown, db):
    User.objects.filter(username__in=PEOPLE).delete()
    make_people()
    try:
        page = shown()
        page.get_by_role("button", name="Log in as Mia").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        page.get_by_role("link", name="Your page").first.click()
        connected(page)
        expect(page.get_by_role("combobox", name="To").get_by_role("option")).to_have_text(["John"])
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Password")).to_be_visible()
    finally:
        User.objects.filter(username__in=PEOPLE).delete()


def test_a_visitor_asks_about_a_product(shown):
    page = shown()
    # Both scripts of the page have run.
    expect(page.locator("switchboard-widget button").and_(page.get_by_role("button", name="Open chat"))).to_be_visible()
    expect(page.get_by_role("button", name="Log in as Mia")).to_be_visible()
    page.get_by_role("button", name="Ask about Teapot").click()
    expect(page.frame_locator("switchboard-widget iframe").get_by_role("textbox", name="Write a message")).to_be_visible(timeout=10_000)


def test_two_people_see_each_other_and_write_and_nobody_else_reads_it(member, mia, bob, eve):
    mias, bobs, eves = member(mia), member(bob), member(eve)
    mias.get_by_role("button", name="Write to Bob").click()
    expect(mias.get_by_role("log").or_(mias.get_by_text("Nothing written yet."))).to_be_visible()
    bobs.get_by_role("button", name="Write to Mia").click()
    text = "Is the <b>oolong</b> back? 🫖 你好"
    mias.get_by_role("textbox", name="Message").press_sequentially(text[:5])
    expect(bobs.get_by_text("Mia is writing…")).to_be_visible()
    mias.get_by_role("textbox", name="Message").fill(text)
    mias.keyboard.press("Enter")
    for page in (mias, bobs):
        expect(page.get_by_role("log").get_by_role("listitem")).to_contain_text(text)
    expect(mias.get_by_role("log").locator(".about")).to_contain_text("Sent")
    expect(bobs.get_by_text("Mia is writing…")).to_be_hidden()
    bobs.get_by_label("How others see you").select_option("away")
    expect(mias.locator(f"#here [data-id='{bob.pk}']")).to_contain_text("away")
    eves.get_by_role("button", name="Write to Mia").click()
    expect(eves.get_by_text("Nothing written yet.")).to_be_visible()
    assert text not in eves.locator("main").inner_text()
    eves.context.close()
    expect(mias.locator(f"#here [data-id='{eve.pk}']")).to_have_count(0, timeout=15_000)
    # What was written is there after a reload.
    bobs.reload()
    bobs.get_by_role("button", name="Write to Mia").click()
    expect(bobs.get_by_role("log").get_by_role("listitem")).to_contain_text(text)


def test_a_task_goes_on_over_a_reload_and_stops_when_it_is_asked_to(member, mia, eve):
    page, eves = member(mia), member(eve)
    page.get_by_role("button", name="Export your orders").click()
    bar = page.get_by_role("progressbar", name="Export of your orders")
    expect(bar).to_have_attribute("aria-valuetext", re.compile("[1-9] of 12 · Reading orders"), timeout=10_000)
    page.reload()
    expect(bar).to_have_attribute("aria-valuetext", re.compile("[2-9] of 12 · Reading orders"), timeout=10_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("switchboard-task")).to_contain_text("It was cancelled.", timeout=10_000)
    rung(page, 1)
    expect(eves.get_by_text("Nothing was started yet.")).to_be_visible()
    rung(eves, 0)


def test_somebody_starts_a_few_tasks_at_once_and_a_customer_none(trial, ann, eve, token):
    def start(user):
        return httpx.post(f"{trial.url}/demo/tasks", headers={"Authorization": f"Bearer {token(user)}"} if user else {}, timeout=20)

    begun = [start(eve) for _ in range(4)]
    assert [each.status_code for each in begun] == [201, 201, 201, 429]
    assert "Wait until something has ended" in begun[3].json()["detail"]
    for each in begun[:3]:
        httpx.post(f"{trial.url}/api/v1/tasks/{each.json()['id']}/cancel", headers={"Authorization": f"Bearer {token(eve)}"}, timeout=20)
    assert start(ann).status_code == 403
    assert start(None).status_code == 401


def test_names_are_told_to_those_who_are_logged_in_and_customers_have_none(trial, mia, bob, ann, token):
    address = f"{trial.url}/demo/people?ids={mia.pk},{ann.pk}"
    told = httpx.get(address, headers={"Authorization": f"Bearer {token(bob)}"}, timeout=20).json()["results"]
    assert {"id": mia.pk, "name": "Mia", "agent": False} in told
    assert ann.pk not in [each["id"] for each in told]
    assert httpx.get(address, headers={"Authorization": f"Bearer {token(ann)}"}, timeout=20).status_code == 403
    assert httpx.get(address, timeout=20).status_code == 401


def test_where_it_is_no_trial_there_is_no_shop_but_a_page_that_says_what_there_is(client, mia, token):
    page = client.get("/").content.decode()
    assert re.findall('href="(/[a-z/]+)"', page.partition("<body>")[2]) == ["/console/", "/admin/", "/api/docs"]
    assert "password" not in page
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token(mia)}"}
    assert client.get("/member/").status_code == 404
    assert client.get("/demo/people", **bearer).status_code == 404
    assert client.post("/demo/tasks", **bearer).status_code == 404


def test_after_a_restart_the_page_is_connected_again_without_a_reload(servers, member, mia):
    with servers.serve(env={"DEBUG": "1"}) as server:
        page = member(mia, url=server.url)
        before = set(page.served_by)
        os.kill(server.pid, signal.SIGHUP)
        notify(users=mia, type="system", title="While you were away", message="…")
        until(lambda: page.evaluate("1") and len([each for each in page.served_by if each not in before]) == 2, what="both are connected again")
        expect(open_bell(page).first).to_contain_text("While you were away", timeout=30_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(shown, member, mia, axe, scheme):
    axe(shown(color_scheme=scheme))
    notify(users=mia, type="system", title="Read me", message="…")
    page = member(mia, color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("button", name="Export your orders").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    rung(page, 1)
    open_bell(page)
    axe(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Cancel").click()
