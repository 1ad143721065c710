"""Paths in settings mean what they meant at the start, whatever folder a function changes into."""

from pathlib import Path

import pytest

from callboard.config import Settings, load_settings
from callboard.jobs.files.storage import Storage
from tests.authority import Authority

PATHS = {
    "tls_ca_file": "authority.pem",
    "tls_cert_file": "me.pem",
    "tls_key_file": "me.pem",
    "storage_url": "files",
    "staging_dir": "staging",
    "schedules_file": "schedules.toml",
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that were read in one folder, while the process is in another one by now."""
    start, other = tmp_path / "start", tmp_path / "other"
    start.mkdir()
    other.mkdir()
    authority = Authority(start)
    authority.issue("me").rename(start / "me.pem")
    assert authority.file.name == PATHS["tls_ca_file"]
    (start / "schedules.toml").touch()
    monkeypatch.chdir(start)
    made = load_settings(**PATHS)
    monkeypatch.chdir(other)
    return made


def test_every_relative_path_is_of_the_folder_in_which_the_process_started(
    settings: Settings, tmp_path: Path
) -> None:
    declared = {
        name
        for name, field in Settings.model_fields.items()
        if "Path" in str(field.annotation) or name == "storage_url"
    }

    assert declared == set(PATHS)
    assert {name: str(getattr(settings, name)) for name in PATHS} == {
        name: str(tmp_path / "start" / path) for name, path in PATHS.items()
    }


def test_certificates_are_found_from_another_folder(settings: Settings) -> None:
    assert "an authority of tests" in str(settings.tls.context().get_ca_certs())


@pytest.mark.parametrize("staging", [None, Path("staging")])
def test_files_stay_in_the_folder_of_the_start(
    staging: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    storage = Storage("files", staging=staging)
    monkeypatch.chdir(tmp_path)

    with storage.folder() as folder:
        assert folder.is_relative_to(tmp_path / "start" / (staging or "files"))
