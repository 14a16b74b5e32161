"""The two shops of docs/integrate-django.md: taken out of it as they stand, and used in a browser by two people."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts import service_keys
from accounts.models import Customer, User
from realtime.tasks.models import Task
from tests.cast import PASSWORD
from tests.markdown import Document
from tests.servers.fleet import Servers
from tests.servers.workers import CHECKOUT, Site

BLOCKS: Final = Document(CHECKOUT, "docs/integrate-django.md").blocks
SECRETS: Final = {"IDENTITY_SECRET": secrets.token_hex(20), "JWT_SIGNING_KEY": secrets.token_hex(40)}
# Three processes begin, one after the other, and a machine may be busy.
pytestmark = pytest.mark.timeout(300)
PATIENCE: Final = 30_000
"""Milliseconds a page may take for what takes a moment."""
NAMED: Final = re.compile(r"(?:# |// |<!-- )((?:shop|store)/\S+\.(?:py|html|js))(?: -->)?\n")

# What every Django project has, and the document does not show.
STORE: Final = {
    "settings.py": """
import os
from pathlib import Path

SECRET_KEY = "the store's own"
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "store"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": ["django.template.context_processors.request"]}}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "store.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "store.urls"
LOGIN_URL = "/account/login/"
LOGIN_REDIRECT_URL = "/"
SWITCHBOARD_URL = os.environ["SWITCHBOARD_URL"]
SWITCHBOARD_SERVICE_KEY = os.environ["SWITCHBOARD_SERVICE_KEY"]
JWT_SIGNING_KEY = os.environ["JWT_SIGNING_KEY"]
IDENTITY_SECRET = os.environ["IDENTITY_SECRET"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def furnish(password):
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name in ("lee", "kim"):
        User.objects.create_user(name, password=password)
""",
    "urls.py": """
from django.contrib.auth.views import LoginView
from django.urls import path

from store import views

urlpatterns = [
    path("", views.home),
    path("account/login/", LoginView.as_view(template_name="store/login.html")),
    path("follow/<str:username>/", views.follow),
    path("switchboard/token", views.token),
]
""",
    "asgi.py": "from django.core.asgi import get_asgi_application\n\napplication = get_asgi_application()\n",
    "templates/store/login.html": '<!doctype html><form method="post">{% csrf_token %}{{ form }}<button>Log in</button></form>',
}


def written(folder: Path) -> Path:
    """The folder, with all files of the document's in it and what makes packages of them."""
    for block in BLOCKS:
        if named := NAMED.match(block.text):
            put(folder / named[1], block.text[named.end() :] if block.kind == "html" else block.text)
    for name, text in STORE.items():
        put(folder / "store" / name, text)
    for package in ("shop", "shop/management", "shop/management/commands", "store"):
        (folder / package / "__init__.py").touch()
    return folder


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def django(*arguments: str, env: Mapping[str, str]) -> str:
    ended = subprocess.run([sys.executable, "-m", "django", *arguments], env=dict(env), capture_output=True, text=True, timeout=90)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_everything_that_the_document_shows_is_used_here() -> None:
    assert [block.kind for block in BLOCKS if not NAMED.match(block.text)] == ["sh"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("shops"))


@pytest.fixture(scope="module")
def shop(servers: Servers, folder: Path) -> Iterator[Site]:
    """The shop in the same project, by the commands of the document."""
    [commands] = [block.text for block in BLOCKS if block.kind == "sh"]
    exported, migrate, serve = commands.replace("/srv/shop", str(folder)).replace("/srv/switchboard", str(CHECKOUT)).splitlines()
    env = dict(each.split("=", 1) for each in exported.removeprefix("export ").split())
    assert migrate == "python -m django migrate"  # which the session's database has behind it
    with servers.run(*serve.replace("8000", "0").split()[1:], "--workers", "1", env={**SECRETS, "HTTPS": "0", **env}) as run:
        yield run


@pytest.fixture(scope="module")
def store(servers: Servers, folder: Path) -> Iterator[Site]:
    """The shop beside it, with a server that allows pages of any localhost."""
    with servers.serve(env={**SECRETS, "DEBUG": "1"}) as switchboard:
        env = {
            **SECRETS,
            "SWITCHBOARD_URL": switchboard.url,
            "SWITCHBOARD_SERVICE_KEY": service_keys.make(name="the store", scopes=("notifications", "users"))[1],
            "DJANGO_SETTINGS_MODULE": "store.settings",
            "PYTHONPATH": str(folder),
        }
        run = servers.run("-m", "uvicorn", "store.asgi:application", "--port", "0", "--lifespan", "off", env=env)
        django("shell", "-c", f"from store.settings import furnish; furnish({PASSWORD!r})", env=run.env)
        with run:
            yield run


@pytest.fixture
def enter(contexts: Callable[..., BrowserContext]) -> Callable[[Site, str], Page]:
    """`enter(site, "lee")`: a page of the shop, after the login with its form."""

    def log_in(site: Site, username: str) -> Page:
        page = contexts(base_url=f"http://localhost:{site.port}").new_page()
        page.goto("/")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_function("() => document.querySelector('switchboard-bell')?.client?.state.name === 'connected'")
        return page

    return log_in


def rings(page: Page, text: str) -> None:
    bell = page.locator("switchboard-bell")
    expect(bell.get_by_role("button").first).to_have_accessible_name("Notifications, 1 unread", timeout=PATIENCE)
    bell.get_by_role("button").first.click()
    expect(bell.get_by_role("listitem")).to_contain_text(text, timeout=PATIENCE)


def follow(page: Page, username: str) -> int:
    """Post as the page's scripts would; the status of the answer."""
    token = next(each["value"] for each in page.context.cookies() if "csrf" in each["name"])
    sent: Any = page.evaluate(
        "async ([path, token]) => (await fetch(path, { method: 'POST', headers: { 'X-CSRFToken': token } })).status", [f"/follow/{username}/", token]
    )
    return int(sent)


def asks(page: Page, text: str) -> None:
    """Write to the shop with the chat."""
    page.locator("switchboard-widget button").click()
    chat = page.frame_locator("switchboard-widget iframe")
    chat.get_by_role("textbox", name="Write a message").fill(text)
    chat.get_by_role("textbox", name="Write a message").press("Enter")
    expect(chat.locator(".own .state").last).to_have_text(re.compile("Sent|Read"), timeout=PATIENCE)


def test_a_shop_in_the_same_project(shop: Site, enter: Callable[..., Page], mia: User, eve: User) -> None:
    mias, eves = enter(shop, mia.username), enter(shop, eve.username)
    assert follow(eves, mia.username) == 204
    rings(mias, "Eve follows you.")
    asks(mias, "Is the teapot back?")
    customer = Customer.objects.get(external_id=str(mia.pk))
    assert (customer.name, customer.channel) == ("Mia", "WEB")
    assert customer.pk != mia.pk
    expect(eves.locator("switchboard-bell").get_by_role("button").first).to_have_accessible_name("Notifications", timeout=PATIENCE)


def test_its_long_work(shop: Site, mia: User) -> None:
    assert "order 20" in django("export_orders", mia.username, env=shop.env)
    assert list(Task.objects.filter(owner=mia).values_list("title", "status", "step")) == [("Export of your orders", "completed", 20)]


def test_a_shop_beside_it(store: Site, enter: Callable[..., Page], contexts: Callable[..., BrowserContext]) -> None:
    lees, kims = enter(store, "lee"), enter(store, "kim")
    assert follow(kims, "lee") == 204
    rings(lees, "kim follows you.")
    asks(lees, "Do you ship to Canada?")
    assert Customer.objects.filter(name="lee", external_id="1").exists()
    stranger = contexts(base_url=f"http://localhost:{store.port}")
    assert stranger.request.get("/switchboard/token").status == 401
