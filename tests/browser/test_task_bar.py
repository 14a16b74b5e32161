"""The task bar, on pages of another site: for whom the work is done, and for nobody else."""

import uuid

import pytest
from playwright.sync_api import expect

from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import Report
from tests.browser.host_site import Answer, shown_in_docs
from tests.servers.waiting import until

PAGE = '<!doctype html><html lang="{lang}"><title>Shop</title><main><h1>Shop</h1>{task}</main></html>'
HEARD = """() => {
  window.heard = [];
  const said = document.querySelector('switchboard-task').shadowRoot.querySelector('[role=status]');
  if (said.textContent) heard.push(said.textContent);
  new MutationObserver(() => heard.push(said.textContent)).observe(said, { childList: true, characterData: true, subtree: true });
}"""


@pytest.fixture
def begin(mia):
    """`begin(total_steps=5)`: a piece of work for Mia."""
    return lambda **given: services.begin(owner=mia, title="Import of prices", source=Task.Source.SERVICE, public_id=str(uuid.uuid4()), **given).task


@pytest.fixture
def look(trial, host, contexts, token):
    """`look(mia, task)`: a page of the shop with that task on it, as that user sees it in a browser of its own."""

    def open_page(user, task_id, lang="en", **options):
        host.tokens[user.username] = token(user)
        shown = shown_in_docs("html", "switchboard-task", trial.url).replace("import-7", task_id)
        host.pages[f"/{task_id}"] = Answer(PAGE.format(lang=lang, task=shown))
        return host.open(contexts(**options), f"/{task_id}", user.username)

    return open_page


def report(task, **said):
    services.report(tasks=Task.objects.filter(pk=task.pk), report=Report(**said))


def bar(page):
    return page.get_by_role("progressbar", name="Import of prices")


def element(page):
    return page.locator("switchboard-task")


def connected(page):
    page.wait_for_function("() => document.querySelector('switchboard-task').client?.state.name === 'connected'")


def test_it_shows_the_way_to_a_good_end_and_says_two_things_aloud(look, begin, mia):
    task = begin(total_steps=5)
    here, there = look(mia, task.public_id), look(mia, task.public_id, lang="zh-CN")
    for page in (here, there):
        connected(page)
    expect(bar(here)).to_have_attribute("aria-valuenow", "0")
    here.evaluate(HEARD)
    for step in (1, 2):
        report(task, step=step, message="Analysing")
        expect(bar(here)).to_have_attribute("aria-valuetext", f"{step} of 5 · Analysing")
    expect(bar(here)).to_have_attribute("aria-valuenow", "40")
    expect(element(here)).to_contain_text("40%")
    expect(element(there)).to_contain_text("第 2 步，共 5 步 · Analysing")
    # After a reload it goes on from where the work is.
    there.reload()
    expect(element(there)).to_contain_text("第 2 步，共 5 步")
    here.evaluate("addEventListener('switchboard-task', ({ detail }) => (document.title = detail.result.rows))")
    report(task, status="completed", message="Stored", result={"rows": "1200"})
    for page, words in ((here, "Done · Stored"), (there, "已完成 · Stored")):
        expect(bar(page)).to_have_attribute("aria-valuenow", "100")
        expect(element(page)).to_contain_text(words)
        expect(element(page)).to_have_attribute("status", "completed")
    expect(here).to_have_title("1200")
    assert here.evaluate("heard") == ["Import of prices: running.", "Import of prices: done."]


def test_a_bad_end_is_said_with_its_reason_and_of_what_ended_before_nothing_is_said_aloud(look, begin, mia):
    task = begin()
    page = look(mia, task.public_id)
    connected(page)
    # Nobody knows how long it is.
    assert bar(page).get_attribute("aria-valuenow") is None
    report(task, message="Reading <b>prices</b>", step=3)
    expect(bar(page)).to_have_attribute("aria-valuetext", "Step 3 · Reading <b>prices</b>")
    report(task, status="failed", error="The file is <i>empty</i>.")
    expect(element(page)).to_contain_text("The file is <i>empty</i>.")
    expect(element(page)).to_have_attribute("status", "failed")
    page.reload()
    expect(element(page)).to_contain_text("The file is <i>empty</i>.")
    expect(page.locator("switchboard-task [role=status]")).to_be_empty()


def test_it_can_be_asked_to_stop_by_keyboard(look, begin, mia):
    task = begin(total_steps=5)
    page = look(mia, task.public_id)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stopping…")).to_be_disabled()
    until(lambda: Task.objects.get(pk=task.pk).cancel_requested, what="it is asked to stop")
    page.reload()
    expect(page.get_by_role("button", name="Stopping…")).to_be_disabled()
    report(task, status="cancelled")
    expect(element(page)).to_contain_text("It was cancelled.")
    expect(page.get_by_role("button")).to_have_count(0)


def test_of_somebody_elses_task_there_is_nothing_but_a_sentence(look, begin, eve):
    task = begin(total_steps=5)
    page = look(eve, task.public_id)
    expect(page.get_by_text("There is no such task, or it is not yours.")).to_be_visible()
    report(task, step=3, message="Secret")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_text("Secret").or_(page.get_by_text("Import of prices"))).to_have_count(0)
    assert page.evaluate("document.querySelector('switchboard-task').client") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(look, begin, mia, axe, scheme):
    task = begin(total_steps=5)
    page = look(mia, task.public_id, color_scheme=scheme)
    connected(page)
    report(task, step=2, message="Analysing")
    expect(bar(page)).to_have_attribute("aria-valuenow", "40")
    axe(page)
    report(task, status="failed", error="The file is empty.")
    expect(element(page)).to_have_attribute("status", "failed")
    axe(page)
