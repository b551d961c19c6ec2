from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentid.settings import Settings, SettingsError, from_environment, read
from consentid.settings.staff import Role, roles_by_word

URL = "postgresql+asyncpg://serving:hush@db/consentid"


def refusal(environ: dict[str, str]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        from_environment(environ)
    return caught.value


def test_nothing_set_is_every_default() -> None:
    assert from_environment({"HOME": "/somewhere", "PATH": "/bin"}) == Settings()
    assert Settings().trusted_proxies == ()


def test_variables_are_read_as_what_they_mean() -> None:
    chosen = from_environment(
        {
            "CONSENTID_DATABASE_URL": URL,
            "CONSENTID_PORT": "9000",
            "CONSENTID_BRANDS_DIR": "conf/brands",
            "CONSENTID_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "CONSENTID_LOCALHOST_HOSTS": "true",
            "CONSENTID_LOG_FORMAT": "json",
        }
    )
    assert chosen.database() == URL
    assert chosen.port == 9000
    assert chosen.brands_dir == Path("conf/brands")
    assert chosen.trusted_proxies == ("10.0.0.0/8", "::1")
    assert chosen.localhost_hosts
    assert chosen.log_format == "json"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CONSENTID_DATABSE_URL", "CONSENTID_DATABASE_URL"),
        ("CONSENTID_VALKEY_URL_FIL", "CONSENTID_VALKEY_URL_FILE"),
        ("CONSENTID_CONFG", "CONSENTID_CONFIG"),
    ],
)
def test_an_unknown_name_is_an_error_that_names_what_was_meant(name: str, meant: str) -> None:
    error = refusal({name: "anything"})
    assert error.code == "settings.unknown"
    assert error.where == name
    assert error.message.endswith(f"did you mean {meant}?")


def test_an_unknown_name_like_no_other_is_an_error_too() -> None:
    assert refusal({"CONSENTID_ZZZ": "1"}).message == "there is no such setting"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSENTID_PORT", "eighty"),
        ("CONSENTID_PORT", "65536"),
        ("CONSENTID_PORT", "-1"),
        ("CONSENTID_WORKERS", "0"),
        ("CONSENTID_LOCALHOST_HOSTS", "perhaps"),
        ("CONSENTID_LOG_FORMAT", "xml"),
        ("CONSENTID_LOG_LEVEL", "INFO!"),
        ("CONSENTID_BRANDS_DIR", ""),
        ("CONSENTID_TRUSTED_PROXIES", "10.0.0.0/8,everyone"),
        ("CONSENTID_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CONSENTID_STAFF_ISSUER", "login.example"),
        ("CONSENTID_STAFF_ROLES", "sre"),
        ("CONSENTID_STAFF_ROLES", "emperor=sre"),
        ("CONSENTID_STAFF_ROLES", "operator="),
        ("CONSENTID_DATABASE_URL", "mysql://root@db/consentid"),
        ("CONSENTID_DATABASE_URL", "consentid"),
        ("CONSENTID_DATABASE_URL", "postgresql://u:p@ss:w@h:d/consentid"),
        ("CONSENTID_DATABASE_URL", "postgresql://u@[::1/consentid"),
        ("CONSENTID_VALKEY_URL", "cache:6379"),
        ("CONSENTID_VALKEY_URL", "http://cache"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(name: str, value: str) -> None:
    error = refusal({name: value})
    assert error.code == "settings.invalid"
    assert error.where == name


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_plain_database_url_gets_our_driver(scheme: str) -> None:
    chosen = from_environment({"CONSENTID_DATABASE_URL": f"{scheme}://u@h/d"})
    assert chosen.database() == "postgresql+asyncpg://u@h/d"


def test_a_database_url_says_tls_as_hosting_services_do() -> None:
    given = "postgresql://u:p%40@h/d?sslmode=verify-full&target_session_attrs=primary"
    assert from_environment({"CONSENTID_DATABASE_URL": given}).database() == (
        "postgresql+asyncpg://u:p%40@h/d?ssl=verify-full&target_session_attrs=primary"
    )


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("sslrootcert=/ca.crt", "PGSSLROOTCERT"),
        ("ssl=require&sslmode=require", "not both"),
        ("sslmode=require&channel_binding=require", "target_session_attrs"),
        ("hush", "target_session_attrs"),
    ],
)
def test_what_the_driver_is_not_told_by_the_url_is_an_error(query: str, word: str) -> None:
    error = refusal({"CONSENTID_DATABASE_URL": f"postgresql://u:hush@h/d?{query}"})
    assert error.where == "CONSENTID_DATABASE_URL"
    assert word in error.message
    assert "hush" not in error.message


def test_it_is_known_where_each_value_came_from(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(URL)
    config = tmp_path / "consentid.toml"
    config.write_text(
        'port = 1\nhost = "::1"\ndatabase_url_file = "url"\nvalkey_url = "redis://x"\n'
    )
    given = {"CONSENTID_CONFIG": str(config), "CONSENTID_PORT": "2"}
    found = read(given)
    assert found.places == {
        "port": "CONSENTID_PORT",
        "host": f"{config}: host",
        "database_url": f"{config}: database_url_file",
        "valkey_url": f"{config}: valkey_url",
    }
    assert found.files == {"database_url": tmp_path / "url", "valkey_url": config}
    over_it = read({**given, "CONSENTID_DATABASE_URL": URL, "CONSENTID_VALKEY_URL": "redis://y"})
    assert over_it.places["database_url"] == "CONSENTID_DATABASE_URL"
    assert over_it.files == {}


def test_a_missing_database_is_told_when_it_is_needed() -> None:
    with pytest.raises(SettingsError, match="CONSENTID_DATABASE_URL_FILE") as caught:
        Settings().database()
    assert caught.value.where == "CONSENTID_DATABASE_URL"


def test_migrations_fall_back_on_the_serving_role() -> None:
    assert Settings(database_url=URL).migration_database() == URL
    assert Settings(database_url=URL, migration_database_url="other").migration_database() == (
        "other"
    )


def test_a_secret_can_be_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"{URL}\n")
    assert from_environment({"CONSENTID_DATABASE_URL_FILE": str(secret)}).database() == URL


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(URL)
    both = {"CONSENTID_DATABASE_URL": URL, "CONSENTID_DATABASE_URL_FILE": str(secret)}
    assert refusal(both).code == "settings.twice"
    assert refusal(dict(reversed(both.items()))).code == "settings.twice"


def test_a_secret_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    error = refusal({"CONSENTID_DATABASE_URL_FILE": str(tmp_path / "none")})
    assert error.code == "settings.unreadable"
    assert error.where == "CONSENTID_DATABASE_URL_FILE"


def test_what_is_no_secret_is_never_read_from_a_file() -> None:
    assert refusal({"CONSENTID_HOST_FILE": "/etc/hostname"}).code == "settings.unknown"


def test_a_file_sets_and_a_variable_wins(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(URL)
    config = tmp_path / "consentid.toml"
    config.write_text(
        'port = 9000\nhost = "::1"\ndatabase_url_file = "url"\ntrusted_proxies = []\n'
    )
    chosen = from_environment({"CONSENTID_CONFIG": str(config), "CONSENTID_PORT": "9001"})
    assert (chosen.host, chosen.port) == ("::1", 9001)
    assert chosen.database() == URL


def test_a_variable_wins_over_a_secret_file_that_the_file_names(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://of@the/file")
    config = tmp_path / "consentid.toml"
    config.write_text('database_url_file = "url"\n')
    chosen = from_environment({"CONSENTID_CONFIG": str(config), "CONSENTID_DATABASE_URL": URL})
    assert chosen.database() == URL


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("prot = 1\n", "settings.unknown", "did you mean port?"),
        ('port = "many"\n', "settings.invalid", "int"),
        ("port = \n", "settings.invalid", "not TOML"),
        ("port = 1\nport = 2\n", "settings.invalid", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(
    tmp_path: Path, text: str, code: str, word: str
) -> None:
    config = tmp_path / "consentid.toml"
    config.write_text(text)
    error = refusal({"CONSENTID_CONFIG": str(config)})
    assert error.code == code
    assert word in error.message
    assert error.where is not None
    assert str(config) in error.where


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    error = refusal({"CONSENTID_CONFIG": str(tmp_path / "none.toml")})
    assert error.code == "settings.unreadable"
    assert error.where == "CONSENTID_CONFIG"


def test_settings_never_show_a_secret() -> None:
    chosen = Settings(database_url=URL, valkey_url="redis://:hush@cache")
    assert "hush" not in repr(chosen)
    assert "database_url=***" in repr(chosen)
    assert "migration_database_url=None" in repr(chosen)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_variable_is_taken_or_refused_by_name(name: str, value: str) -> None:
    variable = f"CONSENTID_{name}"
    try:
        from_environment({variable: value})
    except SettingsError as error:
        place = error.where
    else:
        place = variable
    assert place == variable


def test_mail_is_encrypted_unless_its_server_is_here_and_says_whom_it_is_from() -> None:
    named = {"CONSENTID_SMTP_HOST": "mail.example", "CONSENTID_SMTP_FROM": "H <c@halcyon.example>"}
    assert from_environment(named).smtp_tls == "starttls"
    assert refusal({"CONSENTID_SMTP_HOST": "mail.example"}).where == "CONSENTID_SMTP_FROM"
    clear = {**named, "CONSENTID_SMTP_TLS": "none"}
    assert refusal(clear).where == "CONSENTID_SMTP_TLS"
    for here in ("127.0.0.1", "::1", "localhost"):
        assert from_environment({**clear, "CONSENTID_SMTP_HOST": here}).smtp_host == here
    assert refusal({**named, "CONSENTID_SMTP_FROM": "nobody"}).code == "settings.invalid"


def test_a_word_of_the_staff_issuer_may_give_several_roles_and_a_role_have_several_words() -> None:
    assert roles_by_word(["operator=sre", "platform", "auditor=sre"]) == {
        "sre": {Role.OPERATOR, Role.AUDITOR},
        "platform": {Role.OPERATOR},
    }


@pytest.mark.parametrize("missing", ["CLIENT_ID", "ROLES"])
def test_whoever_names_an_issuer_of_staff_says_all_that_it_needs(missing: str) -> None:
    needed = {"CLIENT_ID": "consentid", "ROLES": "operator=sre"}
    environ = {
        f"CONSENTID_STAFF_{name}": value for name, value in needed.items() if name != missing
    }
    error = refusal({**environ, "CONSENTID_STAFF_ISSUER": "https://login.example"})
    assert (error.code, error.where) == ("settings.missing", "CONSENTID_STAFF_ISSUER")
    assert f"CONSENTID_STAFF_{missing}" in error.message
