"""Django's settings. What an operator may change is in `options.py`; here it is only put in place."""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from corsheaders.defaults import default_headers

from config import logs
from config.embedded import redis_url
from config.options import BASE_DIR, Options

SWITCHBOARD = Options.from_env(os.environ)
VERSION = "0.1.0"

DEBUG = SWITCHBOARD.debug
SECRET_KEY = SWITCHBOARD.made_secret()
ALLOWED_HOSTS = [*SWITCHBOARD.allowed_hosts, *([".localhost", "127.0.0.1", "[::1]"] if DEBUG else [])]

# `realtime` stands before `daphne`, whose `runserver` it refines.
INSTALLED_APPS = [
    "accounts",
    "notifications",
    "realtime",
    "realtime.chat",
    "realtime.hours",
    "realtime.desk",
    "realtime.imports",
    "realtime.presence",
    "realtime.tasks",
    "daphne",
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "axes",
    "django_structlog",
]

MIDDLEWARE = [
    "realtime.middleware.database_connections_returned",
    "realtime.requests.note_route",
    "accounts.middleware.RequestLog",
    "realtime.headers.pages_of_django",
    "accounts.middleware.problems_for_programs",
    "realtime.health.for_any_host",
    "django.middleware.security.SecurityMiddleware",
    "realtime.static_files.StaticFiles",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False  # both forms are routes of their own: a redirect would lose a POST's body

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database -------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    url = SWITCHBOARD.database_url or f"sqlite:///{Path(SWITCHBOARD.var_dir) / 'switchboard.sqlite3'}"
    database: dict[str, Any] = dict(dj_database_url.parse(url))
    if database["ENGINE"].endswith("sqlite3"):
        Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        # IMMEDIATE: a transaction that will write waits for its turn at BEGIN instead of failing
        # half-way when it wants to upgrade its read lock.
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        database["TEST"] = {"NAME": str(Path(SWITCHBOARD.var_dir) / f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.sqlite3")}
    else:
        given = database.get("OPTIONS", {})
        database["OPTIONS"] = {
            # A server that vanishes without a word is given up after about 20 s, whether we connect, send or wait for it.
            "connect_timeout": 5,
            "tcp_user_timeout": 20_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            **given,
            "options": f"-c statement_timeout={SWITCHBOARD.database_timeout * 1000:.0f} {given.get('options', '')}".rstrip(),
            "pool": {"min_size": 1, "max_size": SWITCHBOARD.database_pool, "timeout": 10},
        }
        database["CONN_HEALTH_CHECKS"] = True
    database["CONN_MAX_AGE"] = 0
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis ----------------------------------------------------------------------------------------

REDIS_URL = SWITCHBOARD.redis_url or redis_url(Path(SWITCHBOARD.var_dir))
# Starts the Redis at that address, for the commands that keep one while they run.
PRIVATE_REDIS = "config.embedded.start"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "realtime.layer.Layer",
        "CONFIG": {"hosts": list(SWITCHBOARD.layer_redis_urls or [REDIS_URL]), "prefix": "switchboard"},
    },
}

# Who is who -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

AXES_FAILURE_LIMIT = SWITCHBOARD.login_failures
AXES_COOLOFF_TIME = timedelta(seconds=SWITCHBOARD.login_lock)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # a lock ends when `Retry-After` said it would
AXES_LOCKOUT_CALLABLE = "accounts.logins.locked"
AXES_CLIENT_IP_CALLABLE = "accounts.addresses.client_address"
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# Functions that give a verified customer what it did while it was anonymous, each for the rows of its app.
CUSTOMER_TAKE_OVER: list[str] = ["realtime.chat.take_over.take_over", "realtime.desk.services.take_over"]  # routing is locked first

# What else `manage.py prune` forgets: functions that are told before when, and return how many.
PRUNED = {"tasks": "realtime.tasks.retention.prune"}

# What it forgets only if it is told to, with `--<name> DAYS`: likewise.
PRUNED_IF_ASKED = {
    "notifications": "notifications.retention.prune_notifications",
    "sessions": "realtime.chat.retention.prune_sessions",
    "messages": "realtime.chat.retention.prune_messages",
}

SIMPLE_JWT = {
    "SIGNING_KEY": SECRET_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=SWITCHBOARD.token_lifetime),
    "REFRESH_TOKEN_LIFETIME": timedelta(seconds=SWITCHBOARD.refresh_token_lifetime),
    "UPDATE_LAST_LOGIN": False,
}

# What browsers are told -----------------------------------------------------------------------
# Whether a request came over https is in its scope, by the word of a trusted proxy (config/asgi.py). SECURE_PROXY_SSL_HEADER
# would believe everybody. Redirects to https are the proxy's: programs beside it may call a worker without.

_https = SWITCHBOARD.https and not DEBUG
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = 365 * 86400 if _https else 0
# Only the admin has a session; and a shop on the same host, which may be Django too, has one of its own.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "switchboard_session", "switchboard_csrf"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/admin/"
CSRF_FAILURE_VIEW = "accounts.problems.form_refused"
SESSION_COOKIE_AGE = int(SWITCHBOARD.token_lifetime)
# W005, W021: other names below this domain are not ours to speak for. W008: see above.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

# REST -----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsPerson"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.parsers.BoundedJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.parsers.Lenient",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "accounts.schema.Described",
    "EXCEPTION_HANDLER": "accounts.problems.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Switchboard",
    "DESCRIPTION": "Notifications, presence, task progress and support chat, live. What comes over the [sockets](/api/sockets) is described there.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/(?:v1/)?",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "NotificationStatus": "notifications.models.Notification.Status",
        "PresenceStatus": "realtime.presence.serializers.STATUSES",
        "SessionStatus": "realtime.chat.models.Session.Status",
        "TaskStatus": "realtime.tasks.models.Task.Status",
    },
}
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [*default_headers, "last-event-id"]  # for streams that are read by `fetch`
CORS_ALLOWED_ORIGINS = list(SWITCHBOARD.ws_allowed_origins)
CORS_ALLOWED_ORIGIN_REGEXES = [r"^https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$"] if DEBUG else []
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Mails ----------------------------------------------------------------------------------------

_mail = urlsplit(SWITCHBOARD.email_url)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _mail.hostname else 'console' if SWITCHBOARD.email_url else 'dummy'}.EmailBackend"
EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.scheme == "smtps", _mail.scheme == "smtp+tls"
EMAIL_HOST = _mail.hostname or ""
EMAIL_PORT = _mail.port or {"smtps": 465, "smtp+tls": 587}.get(_mail.scheme, 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = SWITCHBOARD.email_from or "webmaster@localhost"

# Languages and static files -------------------------------------------------------------------

LANGUAGE_CODE = SWITCHBOARD.default_language
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "realtime.static_files.Storage"},
}
WHITENOISE_USE_FINDERS = True  # straight from the apps, so that nothing has to be collected before the first start

# Logs -----------------------------------------------------------------------------------------

DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # it would believe anybody's X-Forwarded-For
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
LOGGING = logs.lined_up(SWITCHBOARD.log_format)
