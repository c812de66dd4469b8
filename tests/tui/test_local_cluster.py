"""The full screen over a local cluster: jobs, a log as it comes, buckets, files and pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from oscarcli.api.client import Client
from oscarcli.config.model import Cluster
from oscarcli.tui.access import Access
from tests.local.harness import LocalCluster, open_cluster
from tests.tui.screen import Screen, drive


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster that the tests of this file share; each uses services of its own."""
    running = open_cluster(tmp_path_factory.mktemp("shared") / "data", parallel=4)
    yield running
    running.close()


@pytest.fixture
def access(cluster: LocalCluster, tmp_path: Path) -> Iterator[Access]:
    """The way to it."""
    settings = cluster.server.cluster.settings
    login = httpx.BasicAuth(settings.user, settings.password)
    with Client(cluster.server.endpoints.api, login, timeout=30) as client:
        entry = Cluster("local", cluster.server.endpoints.api)
        yield Access(
            {"local": entry},
            "local",
            lambda _: client,
            lambda text: text,
            folder=tmp_path,
            refresh_seconds=0.2,
        )


def test_a_log_is_shown_as_it_comes_until_the_job_has_ended(
    cluster: LocalCluster, access: Access, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    cluster.create("tail", f"echo first word\nwhile [ ! -e {gate} ]; do sleep 0.05; done\necho last word\n")
    cluster.submit("tail", b"", job="tail-1")

    async def play(screen: Screen) -> None:
        await screen.shows("tail")
        await screen.press("slash", *"tail", "enter", "enter")
        await screen.shows("local › tail jobs  (1)", "Running")
        await screen.press("enter")
        await screen.shows("first word", "Running", "$ oscar-cli service logs get tail ")
        # The script's words stand out among those of the supervisor.
        assert max(screen.colour("Reading storage configuration")) < max(screen.colour("first word"))
        assert "last word" not in screen.text
        gate.touch()
        await screen.shows("last word", "Succeeded")
        await screen.press("escape")
        # The list looks anew by itself.
        await screen.shows("local › tail jobs  (1)", "Succeeded")

    drive(access, play, size=(120, 40))


def test_buckets_folders_and_files(cluster: LocalCluster, access: Access) -> None:
    cluster.s3.create_bucket(Bucket="texts")
    for key, body in {"in/a.txt": b"hello\x1b[31m\n", "in/deep/b": b"12345", "top.bin": b"\0\1"}.items():
        cluster.s3.put_object(Bucket="texts", Key=key, Body=body)

    async def play(screen: Screen) -> None:
        await screen.press("b")
        await screen.shows("local › buckets", "texts")
        await screen.press("slash", *"texts", "enter", "enter")
        await screen.shows("local › texts/  (2)")
        assert screen.line("in/").split()[:3] == ["in/", "16B", "2"]
        assert screen.line("top.bin").split()[:3] == ["top.bin", "2B", "-"]
        await screen.press("enter")
        await screen.shows("local › texts/in/  (2)", "deep/", "a.txt")
        await screen.press("down", "enter")
        await screen.shows(
            "texts/in/a.txt · 11B", r"hello\x1b[31m", "$ oscar-cli bucket get-file texts in/a.txt"
        )
        await screen.press("escape", "escape")
        await screen.shows("local › texts/  (2)")
        await screen.press("end", "enter")
        await screen.shows("not a text")

    drive(access, play)


def test_the_event_in_a_log_is_one_short_line_and_a_failed_script_is_red(
    cluster: LocalCluster, access: Access
) -> None:
    cluster.create("event", "exit 3")
    cluster.upload("event", "in/a b.txt", b"")
    cluster.ended("event", 1)

    async def play(screen: Screen) -> None:
        await screen.shows("event")
        await screen.press("slash", *"event", "enter", "enter")
        await screen.shows("local › event jobs  (1)")
        await screen.press("enter")
        await screen.shows(" - supervisor - INFO - event: minio s3:ObjectCreated:Put in/a b.txt")
        assert "eventVersion" not in screen.text
        faint = screen.colour("event: minio")
        red, green, blue = screen.colour("the script ended with exit code 3")
        assert max(faint) < max(screen.colour("runs the script on this machine"))
        assert red > green + blue

    drive(access, play, size=(160, 40))


def colours_of(text: str, screen: Screen) -> set[tuple[tuple[int, int, int], ...]]:
    """Return the colours in front and behind with which a text is drawn."""
    styles = [part.style for strip in screen.strips for part in strip if text in part.text]
    return {(tuple(style.color.triplet), tuple(style.bgcolor.triplet)) for style in styles}


@pytest.mark.thorough
def test_a_picture_is_shown_in_its_colours(cluster: LocalCluster, access: Access, tmp_path: Path) -> None:
    from PIL import Image

    cluster.s3.create_bucket(Bucket="pictures")
    picture = Image.new("RGB", (40, 40), (200, 30, 30))
    picture.paste((30, 30, 200), (0, 20, 40, 40))
    picture.save(tmp_path / "flag.png")
    cluster.s3.put_object(Bucket="pictures", Key="flag.png", Body=(tmp_path / "flag.png").read_bytes())
    cluster.s3.put_object(Bucket="pictures", Key="no.png", Body=b"GIF89a, or not")

    async def play(screen: Screen) -> None:
        await screen.press("b")
        await screen.shows("pictures")
        await screen.press("slash", *"pictures", "enter", "enter")
        await screen.shows("local › pictures/  (2)")
        await screen.press("enter")
        await screen.shows("▀" * 40)
        # Its first lines may be drawn before the others.
        both = {((200, 30, 30),) * 2, ((30, 30, 200),) * 2}
        await screen.until(lambda: colours_of("▀", screen) == both, "both colours")
        await screen.press("escape", "down", "enter")
        await screen.shows("this is no picture that can be shown, or not all of one")

    drive(access, play)


@pytest.mark.thorough
def test_results_of_jobs_are_listed_shown_and_brought_as_one_zip(
    cluster: LocalCluster, access: Access, tmp_path: Path
) -> None:
    cluster.create(
        "shout", 'tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"'
    )
    for name in ("one.txt", "two.txt"):
        cluster.upload("shout", f"in/{name}", name.encode())
    cluster.ended("shout", 2)

    async def play(screen: Screen) -> None:
        await screen.shows("shout")
        await screen.press("slash", *"shout", "enter", "enter")
        await screen.shows("local › shout jobs  (2)")
        await screen.press("space", "space", "o")
        await screen.shows("2 jobs of shout › results  (2)", "shout-bucket/out/one.txt", "minio.default")
        await screen.press("1", "home", "enter")
        await screen.shows("ONE.TXT", "$ oscar-cli service get-file shout shout-bucket/out/one.txt -c local")
        await screen.press("escape", "z")
        await screen.shows("shout-results.zip", "2 files, 14B", "done")

    drive(access, play, size=(160, 30))
    with zipfile.ZipFile(tmp_path / "shout-results.zip") as archive:
        found = {Path(name).name: archive.read(name) for name in archive.namelist()}
    assert found == {"one.txt": b"ONE.TXT", "two.txt": b"TWO.TXT"}


def test_jobs_beyond_those_whose_results_are_looked_for_are_told(
    cluster: LocalCluster, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscarcli.tui.browser.MAX_RESULT_JOBS", 1)
    cluster.create("many", 'echo > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"')
    for name in ("one.txt", "two.txt"):
        cluster.upload("many", f"in/{name}", b"")
    cluster.ended("many", 2)

    async def play(screen: Screen) -> None:
        await screen.shows("many")
        await screen.press("slash", *"many", "enter", "enter")
        await screen.shows("local › many jobs  (2)")
        await screen.press("a", "o")
        await screen.shows("› results  (1)", "these are of the first 1 of 2 marked jobs")

    drive(access, play, size=(120, 30))


@pytest.mark.thorough
def test_a_folder_of_a_bucket_becomes_a_zip_with_its_files_below_it(
    cluster: LocalCluster, access: Access, tmp_path: Path
) -> None:
    cluster.s3.create_bucket(Bucket="boxes")
    for key in ("in/a", "in/deep/b", "top"):
        cluster.s3.put_object(Bucket="boxes", Key=key, Body=key.encode())

    async def play(screen: Screen) -> None:
        await screen.press("b")
        await screen.shows("boxes")
        await screen.press("slash", *"boxes", "enter", "enter")
        await screen.shows("local › boxes/  (2)")
        await screen.press("space", "z")
        await screen.shows("boxes.zip", "2 files", "done")

    drive(access, play)
    with zipfile.ZipFile(tmp_path / "boxes.zip") as archive:
        assert sorted(archive.namelist()) == ["in/a", "in/deep/b"]
