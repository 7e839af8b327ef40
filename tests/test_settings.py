import ast
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from hub import settings
from hub.errors import SettingError
from hub.settings import SETTINGS, load

PACKAGE = Path(settings.__file__).parent
PRODUCTION = {
    "DATABASE_URL": "postgres://hub:pw@db/hub",
    "BROKER_URL": "valkey://:pw@broker:6379/0",
    "HUB_SECRET": "s" * 32,
    "HUB_URL": "https://hub.example.com/",
}


@pytest.fixture
def development(tmp_path):
    return {"hub.development": "true", "hub.var": str(tmp_path / "var")}


def test_everything_has_a_default_in_development(development):
    read = load(development, {})
    assert read["hub.url"] == "http://localhost:6543"
    assert read["qbwc.quiet_seconds"] == 30
    assert read["mail.sender"] == "hub@localhost"
    assert read["sqlalchemy.url"] is None
    assert len(read["hub.secret"]) == 64


def test_the_environment_wins_over_the_file(development):
    read = load(
        {**development, "qbwc.quiet_seconds": "7", "hub.name": "Ini"}, {"QBWC_QUIET_SECONDS": "9"}
    )
    assert read["qbwc.quiet_seconds"] == 9
    assert read["hub.name"] == "Ini"


def test_an_empty_text_counts_as_not_given(development):
    read = load({**development, "hub.name": " "}, {"QBWC_QUIET_SECONDS": "", "HUB_URL": "  "})
    assert read["qbwc.quiet_seconds"] == 30
    assert read["hub.name"] == "Billing Hub"
    assert read["hub.url"] == "http://localhost:6543"


def test_what_the_table_does_not_know_passes_through(development):
    assert load({**development, "pyramid.reload_templates": "true"}, {})["pyramid.reload_templates"]


def test_what_was_read_can_be_read_again(development):
    read = load({**development, "mail.tls": "none"}, {"DATABASE_URL": "postgres://db/hub"})
    assert load(read, {}) == read


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_understood(development, scheme):
    read = load(development, {"DATABASE_URL": f"{scheme}://u:p%40w@db:5432/hub?sslmode=require"})
    assert read["sqlalchemy.url"] == "postgresql+psycopg://u:p%40w@db:5432/hub?sslmode=require"


@pytest.mark.parametrize(
    "variable, text",
    [
        ("DATABASE_URL", "mysql://u:hidden@db/hub"),
        ("DATABASE_URL", "hidden"),
        ("BROKER_URL", "hidden"),
        ("HUB_URL", "ftp://hidden"),
        ("HUB_URL", "https://hub:99999999/hidden"),
        ("HUB_URL", "https://u:hidden@hub"),
        ("HUB_PORT", "0"),
        ("HUB_PORT", "٣"),
        ("HUB_DEVELOPMENT", "maybe"),
        ("QBWC_QUIET_SECONDS", "1.5"),
        ("MAIL_TLS", "ssl"),
    ],
)
def test_an_unreadable_setting_is_named_and_not_repeated(development, variable, text):
    with pytest.raises(SettingError) as raised:
        load(development, {variable: text})
    name = next(row.name for row in SETTINGS if row.variable == variable)
    assert f"The setting {name} ({variable}) cannot be read. It must be " in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_production_takes_its_secrets_from_the_environment():
    read = load({}, PRODUCTION)
    assert read["sqlalchemy.url"] == "postgresql+psycopg://hub:pw@db/hub"
    assert read["celery.broker_url"] == "redis://:pw@broker:6379/0"
    assert read["hub.url"] == "https://hub.example.com"
    assert read["mail.sender"] == "hub@hub.example.com"


@pytest.mark.parametrize("variable", PRODUCTION)
def test_production_refuses_to_start_without(variable):
    with pytest.raises(SettingError, match=f"is missing: set {variable} in the environment"):
        load({}, {**PRODUCTION, variable: ""})


def test_production_refuses_a_secret_in_the_file():
    with pytest.raises(SettingError, match=r"hub\.secret is a secret: take it out of the \.ini file"):
        load({"hub.secret": "s" * 64}, {**PRODUCTION, "HUB_SECRET": ""})


@pytest.mark.parametrize(
    "variable, text, said",
    [("HUB_URL", "http://hub.example.com", "https://"), ("HUB_SECRET", "short", "too short")],
)
def test_production_refuses_what_is_not_safe(variable, text, said):
    with pytest.raises(SettingError, match=said):
        load({}, {**PRODUCTION, variable: text})


def test_the_secret_of_development_is_kept_for_its_owner_alone(development, tmp_path):
    first = load(development, {})["hub.secret"]
    assert load(development, {})["hub.secret"] == first
    assert (tmp_path / "var" / "secret").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_at_once_keep_one_secret(tmp_path):
    script = "import sys; from hub.settings import load; print(load({'hub.development': 'true'})['hub.secret'])"
    environment = settings.environment({"hub.var": str(tmp_path / "var")})
    started = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in started}) == 1


def test_an_empty_kept_secret_signs_nothing(development, tmp_path):
    load(development, {})
    (tmp_path / "var" / "secret").write_text("")
    with pytest.raises(SettingError, match="Remove the file"):
        load(development, {})


def test_a_file_in_place_of_var_is_one_sentence(tmp_path):
    (tmp_path / "var").touch()
    with pytest.raises(SettingError, match=r"var cannot be used: .*HUB_VAR"):
        load({"hub.development": "true", "hub.var": str(tmp_path / "var")}, {})


def test_the_address_of_a_running_hub_is_known(development, tmp_path):
    load(development, {})
    with (tmp_path / "var" / "url").open("w") as file:
        file.write("http://localhost:7000")
        file.flush()
        assert load(development, {})["hub.url"] == "http://localhost:6543"  # left over
        fcntl.flock(file, fcntl.LOCK_EX)
        assert load(development, {})["hub.url"] == "http://localhost:7000"
        assert load(development, {"HUB_URL": "https://h"})["hub.url"] == "https://h"


def test_a_child_reads_the_settings_it_was_given(development):
    read = load({**development, "qbwc.quiet_seconds": "7"}, {})
    assert load({}, settings.environment(read)) == {**load({}, PRODUCTION), **read}


def test_nobody_else_reads_the_environment():
    for path in PACKAGE.rglob("*.py"):
        if path.name == "settings.py" and path.parent == PACKAGE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = (
                getattr(node, "attr", None) or getattr(node, "name", None) or getattr(node, "id", None)
            )
            assert name not in ("environb", "getenv", "putenv"), path
            environ = isinstance(node, ast.Attribute) and ast.unparse(node) == "os.environ"
            assert not environ, path
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                assert "environ" not in {alias.name for alias in node.names}, path
