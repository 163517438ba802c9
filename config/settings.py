"""Every setting of Stipend, on one page. What differs between machines comes from the environment."""

import hashlib
from datetime import timedelta
from pathlib import Path

import django_stubs_ext
import environ
from celery.schedules import crontab
from corsheaders.defaults import default_headers
from django.templatetags.static import static

django_stubs_ext.monkeypatch()

# ---- Where we are ---------------------------------------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = environ.Env()
# Written by `make run`, so that manage.py finds its database from another terminal.
environ.Env.read_env(BASE_DIR / ".run" / "services.env")

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

# ---- The house: each app knows only those below it -------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "analytics",
    "assistants",
    "quotas",
    "billing",
    "accounts.apps.AccountsConfig",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "djstripe",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.github",
    "allauth.headless",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "accounts.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False

# Everything here is asynchronous to the bottom. Those named `pages` step aside for requests that bring a
# credential of their own, which need no session and no form protection.
MIDDLEWARE = [
    "config.middleware.trace",
    "corsheaders.middleware.CorsMiddleware",
    "config.middleware.TranslateErrors",
    "config.idempotency.answer_once",
    "config.pages.Security",
    "config.pages.Sessions",
    "config.pages.Common",
    "config.pages.Csrf",
    "config.pages.Authentication",
    "config.pages.Messages",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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

# ---- PostgreSQL ------------------------------------------------------------------------------------------------------

# Each process keeps two pools of this size: Django's for its threads, psycopg's own for what every request waits on.
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", 8)
DATABASE_POOL_SECONDS = 10

DATABASES = {"default": env.db("DATABASE_URL", default="postgres://stipend@localhost/stipend")}
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["OPTIONS"] = {
    "pool": {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": DATABASE_POOL_SECONDS}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# dj-stripe's own 520 migration operations take over a minute; ours make the same tables in one.
MIGRATION_MODULES = {"djstripe": "billing.djstripe_migrations"}

# ---- Redis and Celery ------------------------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", "redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        # Nobody waits long for a count: without Redis requests go on, uncounted.
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.25, "SOCKET_TIMEOUT": 0.25},
    }
}
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    # Left to itself, whoever hands a job to a broker that is away tries again for four seconds and more.
    "max_retries": 0,
    "visibility_timeout": 3600,
}
# Crews work for minutes, so they have workers of their own, and letters and sweeps need not wait for them.
CELERY_TASK_ROUTES = {"assistants.tasks.work_on_jobs": {"queue": "crews"}}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 1800
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "sweep reservations": {"task": "quotas.tasks.sweep_reservations", "schedule": timedelta(seconds=15)},
    "settle purchases": {"task": "quotas.tasks.settle_purchases", "schedule": timedelta(minutes=1)},
    "top up": {"task": "quotas.tasks.top_up", "schedule": timedelta(seconds=30)},
    "begin windows": {"task": "quotas.tasks.begin_windows", "schedule": timedelta(minutes=1)},
    "expire grants": {"task": "quotas.tasks.expire_grants", "schedule": timedelta(minutes=5)},
    "tell notices": {"task": "quotas.tasks.tell_notices", "schedule": timedelta(minutes=1)},
    "work on jobs": {"task": "assistants.tasks.work_on_jobs", "schedule": timedelta(seconds=15)},
    "sweep tallies": {"task": "accounts.tasks.sweep_tallies", "schedule": timedelta(minutes=5)},
    "make exports": {"task": "accounts.tasks.make_exports", "schedule": timedelta(minutes=1)},
    "sweep exports": {"task": "accounts.tasks.sweep_exports", "schedule": timedelta(minutes=5)},
    "sweep erasures": {"task": "accounts.tasks.sweep_erasures", "schedule": timedelta(minutes=10)},
    "send letters": {"task": "accounts.tasks.send_letters", "schedule": timedelta(seconds=15)},
    "forget letters": {"task": "accounts.tasks.forget_letters", "schedule": timedelta(hours=1)},
    "forget answers": {"task": "accounts.tasks.forget_answers", "schedule": timedelta(hours=1)},
    "report overage": {"task": "billing.tasks.report_overage", "schedule": timedelta(seconds=30)},
    "handle stripe's events": {"task": "billing.tasks.handle_events", "schedule": timedelta(minutes=1)},
    "mirror stripe's events": {"task": "billing.tasks.mirror_events", "schedule": timedelta(minutes=1)},
    "forget stripe's events": {"task": "billing.tasks.forget_events", "schedule": timedelta(days=1)},
    "let customers go": {"task": "billing.tasks.let_customers_go", "schedule": timedelta(minutes=10)},
    "resync billing": {"task": "billing.tasks.resync_billing", "schedule": crontab(hour=3, minute=17)},
    "end grace": {"task": "billing.tasks.end_grace", "schedule": timedelta(minutes=10)},
    "play demo clock": {"task": "billing.tasks.play_demo_clock", "schedule": timedelta(minutes=1)},
    "sweep attachments": {"task": "assistants.tasks.sweep_attachments", "schedule": timedelta(hours=1)},
    "evaluate alerts": {"task": "analytics.tasks.evaluate_alerts", "schedule": timedelta(minutes=1)},
    "sum up usage": {"task": "analytics.tasks.sum_up_usage", "schedule": timedelta(minutes=1), "args": [2]},
    # What was settled late.
    "sum up usage anew": {"task": "analytics.tasks.sum_up_usage", "schedule": crontab(hour=2, minute=47), "args": [8]},
    "give compensations": {"task": "analytics.tasks.give_compensations", "schedule": timedelta(minutes=1)},
    "deliver webhooks": {"task": "analytics.tasks.deliver_webhooks", "schedule": timedelta(seconds=15)},
    "forget events": {"task": "analytics.tasks.forget_events", "schedule": timedelta(days=1)},
    "close interrupted messages": {"task": "assistants.tasks.close_interrupted", "schedule": timedelta(seconds=60)},
}

# ---- The feed --------------------------------------------------------------------------------------------------------

# It carries no more than a word that there is something new: what it is stands in the rows.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_connect_timeout": 0.5, "socket_timeout": 0.5}],
            "prefix": "stipend",
        },
    }
}
EVENTS_KEPT = timedelta(days=90)
# What opens the socket to staff who have no session of the console, once.
TICKET_SECONDS = 30

# ---- Webhooks that we send -------------------------------------------------------------------------------------------

# The whole of a try, the look-up of the name counted in.
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", 5.0)
# Eight tries: at once, and after each that failed so many seconds later.
WEBHOOK_WAITS = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
# One at which nothing has arrived for so long is switched off.
WEBHOOK_GIVEN_UP_AFTER = timedelta(days=3)
# Of one workspace, and of the operator.
WEBHOOKS_EACH = 10
# For tests, and for trying it out on one machine: http, and addresses of that machine itself.
WEBHOOKS_TO_LOOPBACK = env.bool("WEBHOOKS_TO_LOOPBACK", False)

# ---- People and tokens -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["accounts.hashers.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Several people may claim an address, though only one can have verified it; `ByEmail` knows which is meant.
AUTHENTICATION_BACKENDS = ["accounts.backends.ByEmail"]
# And the tests have a Stripe of their own.
SILENCED_SYSTEM_CHECKS = ["auth.W004", "djstripe.W002"]
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    # A key of their own, so that nothing else signed here can ever pass for a token.
    "SIGNING_KEY": hashlib.sha256(f"tokens {SECRET_KEY}".encode()).hexdigest(),
    "ISSUER": "stipend",
    "AUDIENCE": "stipend-api",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
}
STAFF_TOKEN_LIFETIME = timedelta(hours=8)
# How many proxies of our own stand before the web server. X-Forwarded-For is believed that many steps back.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
# How often something may be tried, and within which time (`accounts.guards`).
GUARDS = {
    # Wrong passwords: for one email from one address; for one email; from one address.
    "password": (10, timedelta(minutes=15)),
    "password anywhere": (100, timedelta(hours=1)),
    "passwords from here": (env.int("WRONG_PASSWORDS_PER_ADDRESS", 300), timedelta(hours=1)),
    # Where somebody signed in stays theirs this long: strangers' tries elsewhere do not lock them out of it.
    "known address": (0, timedelta(days=90)),
    # A code of six digits, once the password was right.
    "second factor": (5, timedelta(minutes=10)),
    # Letters of one kind to one email: strangers who use up the others leave it those that set a new password.
    "letter": (5, timedelta(hours=1)),
    # Exports of one person.
    "export": (5, timedelta(days=1)),
    # By one person, each of which is a letter to somebody.
    "invitations": (50, timedelta(days=1)),
    # By one person: each begins with an allowance of its own.
    "new workspaces": (5, timedelta(days=1)),
    # Of one workspace: where its days begin anew, so does what a day allows.
    "time zone": (1, timedelta(days=30)),
}
# One person owns at most so many, their own among them.
WORKSPACES_OWNED = 10
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("HTTPS_ONLY", False)
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "accounts.console_sessions"
SECURE_SSL_REDIRECT = env.bool("HTTPS_ONLY", False)
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_SSL_REDIRECT else None
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_HEADERS = [
    *default_headers,
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "idempotency-key",
    "last-event-id",
    "x-api-key",
    "x-session-token",
    "x-workspace",
]
CORS_EXPOSE_HEADERS = [
    "Idempotent-Replayed",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
    "X-Stipend-Demo",
    "X-Stipend-Fallback",
]

# ---- Letters ---------------------------------------------------------------------------------------------------------

# smtp+tls://user:password@host:587 in production.
globals().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Stipend <stipend@localhost>")
# Where we ourselves are reached, and where the links in letters lead. A worker writes them, so no request can tell.
PUBLIC_URL = env.str("PUBLIC_URL", f"http://localhost:{env.int('PORT', 8000)}").rstrip("/")
FRONTEND_URL = env.str("FRONTEND_URL", f"{PUBLIC_URL}/account").rstrip("/")
# A letter that cannot be sent is tried again after so many minutes, and then given up.
LETTER_WAITS = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
LETTERS_KEPT = timedelta(days=7)
MAIL_KEY_LIVES = {
    "verify-email": timedelta(days=3),
    "invitation": timedelta(days=7),
}
PASSWORD_RESET_TIMEOUT = 3600

# ---- Data rights -----------------------------------------------------------------------------------------------------

EXPORTS_KEPT = timedelta(days=7)
# A download link, which is asked for anew each time.
EXPORT_LINK_LIFE = timedelta(minutes=10)
# An export whose worker died or failed is tried again after so long, so many times in all.
EXPORT_RETRY = timedelta(minutes=5)
EXPORT_TRIES = 4

# ---- Second factors, passkeys, log-in elsewhere: allauth's, behind the door of `accounts.factors` --------------------

# Staff enter the console by password and a second factor. Only a machine for development goes without.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", True)
# The domain that passkeys belong to, such as example.com for app.example.com too; else the host that is asked.
PASSKEY_DOMAIN = env.str("PASSKEY_DOMAIN", "")

HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "accounts.factors.strategy.OurTokens"  # noqa: S105
ACCOUNT_ADAPTER = "accounts.factors.adapters.Accounts"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# Addresses are verified by our own letters; tries are counted by `accounts.guards`.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
# What changes a way in takes a proof this fresh, in seconds.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_ADAPTER = "accounts.factors.adapters.Factors"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RATE_LIMITS = False
MFA_TOTP_ISSUER = "Stipend"
MFA_TOTP_PERIOD = 30
# Clocks may differ by this many periods.
MFA_TOTP_TOLERANCE = 1

SOCIALACCOUNT_ADAPTER = "accounts.factors.adapters.Providers"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_QUERY_EMAIL = True
GOOGLE = {"client_id": env.str("GOOGLE_CLIENT_ID", ""), "secret": env.str("GOOGLE_CLIENT_SECRET", "")}
GITHUB = {"client_id": env.str("GITHUB_CLIENT_ID", ""), "secret": env.str("GITHUB_CLIENT_SECRET", "")}
OIDC = {
    "provider_id": "oidc",
    "name": env.str("OIDC_NAME", "OpenID Connect"),
    "client_id": env.str("OIDC_CLIENT_ID", ""),
    "secret": env.str("OIDC_CLIENT_SECRET", ""),
    "settings": {"server_url": env.str("OIDC_SERVER_URL", "")},
}
SOCIALACCOUNT_PROVIDERS = {
    kind: {"APPS": [app] if app["client_id"] else [], "OAUTH_PKCE_ENABLED": True}
    for kind, app in {"google": GOOGLE, "github": GITHUB, "openid_connect": OIDC}.items()
}

# ---- Billing ---------------------------------------------------------------------------------------------------------

STIPEND_CATALOGUE = env.str("STIPEND_CATALOGUE", "default")
# Days and months of a new workspace begin in this time zone.
STIPEND_TIME_ZONE = env.str("STIPEND_TIME_ZONE", "UTC")

DJSTRIPE_SUBSCRIBER_MODEL = "accounts.Workspace"
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
# The metadata by which dj-stripe finds a customer's workspace.
DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY = "workspace"
# Without a key the demo gateway plays Stripe's part, and says so on every page and in every answer.
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_HOST = env.str("STRIPE_API_HOST", "https://api.stripe.com").rstrip("/")
# The one the SDK's types describe; dj-stripe asks in it too.
STRIPE_API_VERSION = "2026-08-26.dahlia"
# A call to Stripe takes no longer, a second try counted in.
STRIPE_SECONDS = 8.0
# Who owes keeps the plan so long.
GRACE_AFTER_FAILED_PAYMENT = timedelta(days=env.int("GRACE_DAYS", 7))
# What was used beyond a plan is reported again after so many minutes; Stripe takes it for 35 days.
OVERAGE_WAITS = [1, 5, 15, 60, 240, 720]
OVERAGE_REPORTED_WITHIN = timedelta(days=34)
# News of a renewal may come so late before the plan stops counting.
RENEWAL_NEWS_MAY_BE_LATE = timedelta(days=3)

# ---- Models and their providers --------------------------------------------------------------------------------------

# Without a key the demo provider answers, and says so in every answer.
ANTHROPIC_API_KEY = env.str("ANTHROPIC_API_KEY", "")
ANTHROPIC_BASE_URL = env.str("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
# Servers that speak OpenAI's format, such as `groq,local`: each has its GROQ_BASE_URL, and its GROQ_API_KEY if any.
COMPATIBLE_PROVIDERS = {
    name: {
        "base_url": env.str(f"{name.upper()}_BASE_URL"),
        "key": env.str(f"{name.upper()}_API_KEY", ""),
    }
    for name in env.list("COMPATIBLE_PROVIDERS", default=[])
}
# Silence of the provider longer than this ends the call.
PROVIDER_SILENCE_SECONDS = env.float("PROVIDER_SILENCE_SECONDS", 60.0)
# The same for an answer that is not streamed, which comes all at once.
PROVIDER_ANSWER_SECONDS = env.float("PROVIDER_ANSWER_SECONDS", 600.0)
PROVIDER_RETRIES = 2
# So many failures in a row within so many seconds, and a provider is left alone for so many seconds.
PROVIDER_BROKEN_TERMS = (env.int("BREAKER_FAILURES", 5), 60.0, 30.0)
# Being busy is no fault, and soon over.
PROVIDER_BUSY_TERMS = (2 * env.int("BREAKER_FAILURES", 5), 30.0, 5.0)
# Time between two words of the demo provider.
DEMO_GAP_SECONDS = env.float("DEMO_GAP_SECONDS", 0.02)

# How many messages of a conversation go to the model.
CONVERSATION_MESSAGES = 30
CONVERSATION_MAX_TOKENS = 4096
# The longest reply in a project's chat, and the longest message to it.
COACHING_MAX_TOKENS = env.int("COACHING_MAX_TOKENS", 2048)
COACHING_MESSAGE_CHARACTERS = 8000
# A conversation's stream goes on this long without a listener, so that one who lost the line can come back.
RESUME_SECONDS = env.float("RESUME_SECONDS", 3.0)
# A listener that takes nothing for this long is let go.
STALLED_LISTENER_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 15.0
# So many jobs of one workspace are worked on at a time; the others' turn comes between.
JOBS_OF_A_WORKSPACE = env.int("JOBS_OF_A_WORKSPACE", 3)
# Who waits for an operation is told after this long at the most that it goes on without them.
LONGEST_WAIT_SECONDS = 120

# What may be attached, in bytes. A request's body takes 8 MiB here; Anthropic takes images of 5 MB, in Base64.
IMAGE_BYTES = 3_750_000
PDF_BYTES = 7_500_000
TEXT_BYTES = 500_000
# Larger pictures are not unpacked.
IMAGE_SIDE = 8000
IMAGE_PIXELS = 25_000_000
# A WebP image is unpacked whole, several times over, before anything can be read of it.
WEBP_PIXELS = 16_000_000
PDF_PAGES = 100
ATTACHMENTS_A_MESSAGE = 10
# Of all messages together that go to a model; the newest go first.
ATTACHED_BYTES = 20_000_000
# What no message takes is kept so long, and no more than so many of a workspace at a time.
UNUSED_ATTACHMENTS_KEPT = timedelta(days=1)
ATTACHMENTS_WAITING = 100

# An asynchronous function that may refuse what people say (`assistants.moderation`), by its dotted path;
# assistants.word_list.moderate refuses the words of a file, one a line.
MODERATION = env.str("MODERATION", "")
MODERATION_WORDS = env.str("MODERATION_WORDS", "")

# ---- Metering --------------------------------------------------------------------------------------------------------

# A reservation, or an Idempotency-Key, that nobody has renewed for this long belongs to a process that died.
RESERVATION_LEASE = timedelta(seconds=30)
CHECKPOINT_SECONDS = 2.0
# A stream holds room for so many tokens of its answer at first, and doubles that as it comes.
HOLD_SLICE_TOKENS = 256

# ---- The API ---------------------------------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

# The answer to a write with an Idempotency-Key is given again for so long, if it takes no more than this, compressed.
IDEMPOTENT_ANSWERS_KEPT = timedelta(hours=24)
IDEMPOTENT_ANSWER_BYTES = 1024 * 1024

# Requests a minute, by account where the rate has one and somebody is signed in, else by address. A view names its
# rate, or has `any`; model calls are metered by the ledger instead. `RATE_LIMITS=off` lifts these, and no GUARDS.
RATES = {
    "any": {"account": 1200, "ip": 1200},
    "sign-up": {"ip": 120},
    "log-in": {"ip": 120},
    "refresh": {"ip": 300},
    "letter": {"account": 10, "ip": 60},
    "costly": {"account": 60, "ip": 60},
    # As many as Anthropic lets a new customer make.
    "count-tokens": {"account": 100},
}
RATELIMIT_ENABLE = env.bool("RATE_LIMITS", True)
RATELIMIT_FAIL_OPEN = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.HeaderAuthentication",
        "accounts.authentication.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.Allowed"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttles.Rates"],
    "DEFAULT_PAGINATION_CLASS": "config.pagination.ByCursor",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.schema.Summarised",
    "EXCEPTION_HANDLER": "config.errors.answer_for_drf",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Stipend",
    "DESCRIPTION": "Sign up, subscribe, and talk to Claude within the allowance your plan gives you.",
    "VERSION": VERSION,
    "TAGS": [
        {"name": "wire", "description": "What OpenAI's and Anthropic's SDKs speak."},
        {"name": "assistants", "description": "Models and conversations."},
        {"name": "coaching", "description": "A creator's projects: plan, chat, tasks, decisions and progress."},
        {"name": "quotas", "description": "What is used, what is left, and why a request was refused."},
        {"name": "billing", "description": "Plans, subscriptions, payments and invoices."},
        {"name": "auth", "description": "People, log-ins and API keys."},
        {"name": "workspaces", "description": "Teams: who belongs to them, as what, and what they changed."},
        {"name": "webhooks", "description": "Addresses of yours that are told of events."},
        {"name": "analytics", "description": "What staff see and do of customers."},
        {"name": "system", "description": "Is it well?"},
    ],
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "Meter": "accounts.meters.Meter",
        "Window": "accounts.meters.Window",
        "Role": "accounts.models.Membership.Role",
        "EventKind": "analytics.models.events.Event.Kind",
        "CustomersEventKind": "analytics.webhooks.registry.CUSTOMERS_KINDS",
        "OperatorsEventKind": "analytics.webhooks.registry.OPERATORS_KINDS",
        "JobKind": "assistants.models.Job.Kind",
        "JobState": "assistants.models.Job.State",
        "GivenRole": "accounts.workspace_serializers.GIVEN_ROLES",
        "ProjectStatus": "assistants.models.coaching.Project.Status",
        "DecisionCategory": "assistants.models.coaching.Decision.Category",
        "Confidence": "assistants.models.coaching.Decision.Confidence",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema.add_what_django_serves",
    ],
}

# ---- Pages, files, language, time ------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "build" / "static"
# What people's work leaves, readable for us alone. No address serves it: views hand out what a caller may have.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", str(BASE_DIR / ".run" / "media")))
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# ---- The console -----------------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Stipend",
    "SITE_HEADER": "Stipend",
    "SITE_SUBHEADER": "The console",
    "SITE_SYMBOL": "savings",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/icon.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "analytics.console.dashboard.fill",
    "STYLES": [lambda request: static("console/console.css")],
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": "analytics.console.sidebar.navigation"},
    # Whoever types an address finds its person.
    "COMMAND": {"search_models": ["accounts.User", "accounts.Workspace"]},
    "COLORS": {
        "primary": {
            "50": "oklch(97.6% .014 45)",
            "100": "oklch(94.5% .03 45)",
            "200": "oklch(88.8% .06 44)",
            "300": "oklch(81% .095 43)",
            "400": "oklch(73% .12 42)",
            "500": "oklch(65% .135 41)",
            "600": "oklch(56% .135 40)",
            "700": "oklch(48% .118 39)",
            "800": "oklch(41% .098 38)",
            "900": "oklch(35% .08 38)",
            "950": "oklch(24% .055 38)",
        },
    },
}

# ---- Metrics ---------------------------------------------------------------------------------------------------------

# What Prometheus brings as its Bearer token to /metrics. Without one only staff may read them.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# ---- Logs ------------------------------------------------------------------------------------------------------------

# text, or json: an object a line, for what gathers logs, and with a line for every request.
LOG_FORMAT = env.str("LOG_FORMAT", "text")
LINES = {
    "text": {
        "()": "config.logs.Discreet",
        "format": "{asctime} {levelname} {name} {request_id} {message}",
        "style": "{",
    },
    "json": {"()": "config.logs.AsJson"},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": LINES[LOG_FORMAT]},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # A client's mistake is the client's news.
        "django.request": {"level": "ERROR"},
        "stipend.requests": {"level": "INFO" if LOG_FORMAT == "json" else "WARNING"},
        "httpx2": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
        # That Redis is away is said once, by whoever notices it.
        "channels_redis": {"level": "CRITICAL"},
        # It warns of files that people made.
        "pypdf": {"level": "ERROR"},
    },
}
