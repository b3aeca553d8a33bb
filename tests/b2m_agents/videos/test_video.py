from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from b2m_agents.drivers.drivers import RolloutSpec, drive_episode, rollout_spec_of
from b2m_agents.episodes.episodes import Episode, episode_seed
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.videos.video import VideoSettings, episode_moments, record_video
from b2m_agents.videos.video_frame import LATENT_RANGE, Moment, draw_moment
from b2m_agents.worlds.action_choices import ActionChoices, Weighing, action_names, taken
from b2m_envs.scenes.settings import settings_from_keywords
from b2m_envs.scenes.state import STATE_INDEX
from tests.shared.tiny_agents import SMALL, tiny_agent

ONE = VideoSettings(n_episodes=1, panel=96)
HIGHWAY = settings_from_keywords("highway_fast", SMALL)


@pytest.fixture(scope="module")
def agent(encoder, tmp_path_factory) -> Path:
    return tiny_agent(tmp_path_factory.mktemp("runs") / "agent", encoder, stack=2)


def shapes_of(path: Path) -> list[tuple[int, ...]]:
    video, shapes = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        shapes.append(read[1].shape)
    return shapes


def moment(choices: ActionChoices, **changes: object) -> Moment:
    scene = np.zeros((36, 40, 2), np.uint8)
    scene[..., 1] = 200
    shown = {"reconstruction": None, "latents": None, "words": "episode 1 of 1"} | changes
    return Moment(scene=scene, choices=choices, **shown)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".mp4", ".webm", ".avi", ".gif"])
def test_a_video_of_every_kind_can_be_read_again(agent, tmp_path, ending) -> None:
    path = record_video(agent, tmp_path / f"video{ending}", ONE, progress=False)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    shapes = shapes_of(path)
    assert len(shapes) >= 2
    assert len(set(shapes)) == 1
    if ending == ".mp4":
        assert b"avc1" in path.read_bytes()  # H.264


@pytest.mark.parametrize("driver", ["highway_env", "constant_speed", "random"])
def test_other_drivers_are_recorded_without_an_agent(driver, tmp_path) -> None:
    spec = rollout_spec_of("highway_fast", driver, SMALL)
    shapes = shapes_of(record_video(spec, tmp_path / "video.avi", ONE, progress=False))
    episode = drive_episode(spec, episode_seed(0, 0, held_out=True))
    assert len(shapes) == len(episode.action) + 6  # the end stays for 1.5 s, 4 times as fast


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "observation", "kind"),
    [
        ("ppo", "state", "probability"),
        ("recurrent_ppo", "state", "probability"),
        ("dqn", "pixels", "value"),
        ("sac", "state", "control"),
    ],
)
def test_what_every_kind_of_agent_weighs_is_shown(tmp_path, algorithm, observation, kind) -> None:
    folder = tiny_agent(tmp_path / "agent", None, algorithm, observation=observation)
    agent = TrainedAgent.read(folder)
    spec = rollout_spec_of("highway_fast", str(folder), {})
    episode = drive_episode(spec, 1)
    moments = list(episode_moments(episode, agent, spec.scene, "one"))
    assert len(moments) == len(episode.frames)
    for each, action in zip(moments, episode.action, strict=False):
        assert each.choices.kind == kind
        assert (each.reconstruction, each.latents) == (None, None)
        if kind == "control":
            np.testing.assert_array_equal(each.choices.values, action.astype(float))
        else:
            assert each.choices.values.argmax() == each.choices.chosen == action
        if kind == "probability":
            assert each.choices.values.sum() == pytest.approx(1, abs=1e-5)


def test_an_agent_of_latents_shows_what_its_policy_read(agent) -> None:
    read = TrainedAgent.read(agent)
    spec = rollout_spec_of("highway_fast", str(agent), {})
    episode = drive_episode(spec, 1)
    moments = list(episode_moments(episode, read, spec.scene, "one"))
    assert all(each.reconstruction.shape == (36, 40, 2) for each in moments)
    np.testing.assert_array_equal(moments[1].latents, read.latent(episode.frames[1]))
    stacked = np.concatenate([moments[0].latents, moments[1].latents])
    expected = Weighing(read.policy, spec.scene).weighed(stacked, episode.action[1])
    np.testing.assert_allclose(moments[1].choices.values, expected.values, rtol=1e-5)
    assert moments[-1].ending
    assert not any(each.ending for each in moments[:-1])


@pytest.mark.slow
def test_the_return_in_a_video_is_highway_envs_whatever_was_learnt_from(
    agent, tmp_path, monkeypatch
) -> None:
    assert rollout_spec_of("highway_fast", str(agent), {}).scene.reward != "highway_env"
    driven: list[RolloutSpec] = []

    def drive(spec: RolloutSpec, seed: int) -> Episode:
        driven.append(spec)
        return drive_episode(spec, seed)

    monkeypatch.setattr("b2m_agents.videos.video.drive_episode", drive)
    record_video(agent, tmp_path / "video.gif", ONE, progress=False)
    assert [spec.scene.reward for spec in driven] == ["highway_env"]


def test_a_picture_shows_the_newest_frame_beside_its_reconstruction() -> None:
    shown = moment(taken(1, HIGHWAY), reconstruction=np.full((36, 40, 2), 100, np.uint8))
    row = draw_moment(shown, panel=72)[60]
    assert row[30].tolist() == [200] * 3
    assert row[30 + 80 + 16].tolist() == [100] * 3


def test_the_bar_of_an_action_is_as_long_as_it_is_likely() -> None:
    values = np.array([0.5, 0.25, 0.0, 0.25, 0.0])
    choices = ActionChoices(action_names(HIGHWAY), "probability", values, 0)
    picture = draw_moment(moment(choices), panel=96).astype(int)
    bar = picture[28 + 16 + 35, -316:-16]  # of the first action, below the caption
    assert (np.ptp(bar, axis=1) > 100).sum() == 150  # green: the one that was taken
    bar = picture[28 + 16 + 56 + 35, -316:-16]
    assert (bar.sum(1) > 250).sum() == 75


def test_latents_are_bars_within_a_fixed_range() -> None:
    latents = np.array([LATENT_RANGE / 2, -LATENT_RANGE, 5 * LATENT_RANGE, 0], np.float32)
    picture = draw_moment(moment(taken(0, HIGHWAY), latents=latents), panel=96).astype(int)
    left = 16 + round(40 * 96 / 36) + 16
    lengths = []
    for number in range(4):
        row = picture[28 + 16 + 24 * number + 12, left : left + 180]
        drawn = np.ptp(row, axis=1) > 50
        lengths.append((int(drawn[:90].sum()), int(drawn[90:].sum())))
    assert lengths == [(0, 43), (89, 0), (0, 88), (0, 0)]


def test_every_picture_of_a_driver_has_the_same_even_size() -> None:
    controls = settings_from_keywords("racetrack", {"action": "continuous"})
    shapes = {
        draw_moment(shown).shape
        for shown in (
            moment(taken(np.array([0.3, -0.8]), controls)),
            moment(taken(np.array([0.0, 1.0]), controls), ending="crashed", crashed=True),
        )
    }
    assert len(shapes) == 1
    assert all(side % 2 == 0 for side in shapes.pop()[:2])


def test_actions_are_said_in_words() -> None:
    crossing = settings_from_keywords("intersection", {})
    steering = settings_from_keywords("racetrack", {"action": "continuous"})
    assert action_names(HIGHWAY)[0] == "lane left"
    assert action_names(crossing)[0] == "slower"
    assert action_names(steering) == ("throttle", "steering")


def test_the_speed_and_the_return_in_a_video_are_those_of_the_picture() -> None:
    state = np.zeros((3, 14), np.float32)
    state[:, STATE_INDEX["speed"]] = (20, 25, 30)
    episode = Episode(
        np.zeros((3, 36, 40, 2), np.uint8), state, None, np.array([3, 3]), np.ones(2),
        np.array([25.0, 30.0]), False, True, False, 0,
    )  # fmt: skip
    words = [each.words for each in episode_moments(episode, None, HIGHWAY, "one")]
    assert words == [
        "one   0.0 s   20.0 m/s   return 0.00",
        "one   1.0 s   25.0 m/s   return 1.00",
        "one   2.0 s   30.0 m/s   return 2.00",
    ]


@pytest.mark.parametrize("speed", [0.0, 101.0, float("nan"), float("inf")])
def test_an_impossible_speed_of_a_video_is_named(speed: float) -> None:
    with pytest.raises(ValueError, match=r"speed: expected (above 0 and|a number, came nan)"):
        VideoSettings(speed=speed)


def test_a_video_that_could_not_be_written_is_refused_before_driving(tmp_path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"folder\.mp4: expected a file for the video"):
        record_video("no-agent", tmp_path / "folder.mp4")
    with pytest.raises(ValueError, match=r"expected a folder .*file to write to, came a file"):
        record_video("no-agent", tmp_path / "file" / "deeper" / "video.mp4")
    with pytest.raises(ValueError, match=r"video\.mov: expected a video ending in \.mp4"):
        record_video("no-agent", tmp_path / "video.mov")


def test_a_video_that_fails_half_way_leaves_nothing(agent, tmp_path, monkeypatch) -> None:
    def fail(spec: RolloutSpec, seed: int) -> Episode:
        raise RuntimeError("the traffic stopped")

    monkeypatch.setattr("b2m_agents.videos.video.drive_episode", fail)
    with pytest.raises(RuntimeError, match="the traffic stopped"):
        record_video(agent, tmp_path / "video.mp4", ONE, progress=False)
    assert not list(tmp_path.iterdir())
