"""Time series: what is read of CSV and NPY files, what is drawn, and the line that each bad file gets."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logisight.schema import PictureError
from logisight.tools.modalities import ViewSettings, read_series, read_views
from logisight.tools.modalities.series_views import envelope

GREEN = np.array([143, 192, 127])


def npy(values) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def npy_header(text: str) -> bytes:
    head = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head


@pytest.fixture
def file_of(tmp_path):
    def write(data: bytes | str, name="series.csv"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "time", "values", "channels", "axis"),
    [
        pytest.param("1\n2\n4\n", [0, 1, 2], [[1], [2], [4]], ["channel 1"], "sample", id="bare"),
        pytest.param(
            "t [s],force (N)\n0.5,1\n1.5,-2e1\n",
            [0.5, 1.5], [[1], [-20]], ["force [N]"], "t [s]", id="units",
        ),
        pytest.param(
            "a;b\n1,5;2\n\n3;4,25\n", [0, 1], [[1.5, 2], [3, 4.25]], ["a", "b"], "sample", id="commas",
        ),
        pytest.param(
            "\ufefftime\tp\n0\t1\n1\t\n2\tnan\n",
            [0, 1, 2], [[1], [np.nan], [np.nan]], ["p"], "time", id="gaps",
        ),
        pytest.param(
            "timestamp,p\n1970-01-01T00:00:10Z,1\n1970-01-01 01:00:20+01:00,2\n",
            [10, 20], [[1], [2]], ["p"], "timestamp", id="clock",
        ),
        pytest.param("time\n3\n1\n", [0, 1], [[3], [1]], ["time"], "sample", id="only one column"),
        pytest.param(
            "1,2\n3,4\n", [0, 1], [[1, 2], [3, 4]], ["channel 1", "channel 2"], "sample", id="no header"
        ),
    ],
)  # fmt: skip
def test_csv(file_of, text, time, values, channels, axis):
    series = read_series(file_of(text))
    np.testing.assert_array_equal(series.time, time)
    np.testing.assert_array_equal(series.values, values)
    assert ([str(one) for one in series.channels], str(series.axis)) == (channels, axis)


@pytest.mark.parametrize("shape", [(5,), (5, 2)])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "i2", "u1", "?"])
def test_npy(file_of, shape, kind):
    values = (np.arange(np.prod(shape)) % 2).astype(kind).reshape(shape)
    series = read_series(file_of(npy(values), "series.npy"))
    np.testing.assert_array_equal(series.values, values.reshape(5, -1))


def test_a_line_keeps_its_spike_and_its_gap():
    values = np.zeros(100_000)
    values[12_345] = 7
    values[60_000:60_010] = np.nan
    time, line = envelope(np.arange(100_000.0), values, 100)
    assert len(line) < 600
    assert (time[np.nanargmax(line)], np.nanmax(line)) == (12_345, 7)
    assert np.isnan(line).any()


def test_plots_show_a_panel_for_each_channel_and_more_than_four_on_further_views(file_of):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    views = read_views(file_of(npy(np.random.default_rng(0).normal(size=(50, 6))), "a.npy"))
    assert [view.name for view in views] == ["series_1", "series_2"]
    assert views[1].caption == "channel 5, channel 6 over sample"
    assert {view.pixels.shape[1] for view in views} == {512}
    assert views[0].pixels.shape[0] > views[1].pixels.shape[0]


def test_the_range_of_good_series_is_a_band(file_of):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    rows = "".join(f"{moment},{moment % 7}\n" for moment in range(100))
    sample = file_of(f"time [s],p [bar]\n{rows}")
    good = [file_of(f"time [s],p [bar]\n0,{low}\n60,{low}\n", f"{low}.csv") for low in (2, 5)]

    def green(references):
        (view,) = read_views(sample, ViewSettings(references=tuple(references)))
        return (np.abs(view.pixels.astype(int) - GREEN).max(axis=2) < 3).any(axis=0)

    assert not green([]).any()
    columns = np.flatnonzero(green(good))
    # The good ones end at 60 of 99 seconds; beyond that nothing is known of them.
    assert columns.min() < 100
    assert 300 < columns.max() < 350


def test_a_reference_with_other_channels_is_one_line(file_of):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    sample, other = file_of("p [bar]\n1\n2\n"), file_of("p [psi]\n1\n2\n", "other.csv")
    with pytest.raises(PictureError, match=r"other.csv: has other channels than .*series.csv \(p \[bar\]\)"):
        read_views(sample, ViewSettings(references=(other,)))


@pytest.mark.parametrize(
    "header", [r"$\frac{", "a$b$c", "<b>&", "=cmd|' /C calc'!A0", "\u202e温度", "x" * 199]
)
def test_a_hostile_header_is_only_text(file_of, header):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    (view,) = read_views(file_of(f"{header}\n1\n2\n"))
    assert view.pixels.shape[1] == 512


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [1e99, -1e99], [np.nan, 1, np.nan]])
def test_series_that_do_not_move_are_drawn(file_of, values):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    (view,) = read_views(file_of(npy(np.array(values)), "a.npy"))
    assert (view.pixels[..., 2].astype(int) - view.pixels[..., 0] > 80).any()


def test_without_matplotlib_one_line_says_what_to_install(file_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        PictureError, match=r"matplotlib, which is not installed; pip install 'logisight\[plots\]'"
    ):
        read_views(file_of("1\n2\n"))


BAD = {
    "nothing": ("", "a.csv", "the file is empty"),
    "blank": ("\n \n", "a.csv", "holds no row"),
    "only a header": ("time,p\n", "a.csv", "holds no number"),
    "a word": ("p\n1\nhigh\n", "a.csv", "row 3, column 1: 'high' is no number"),
    "a formula": ("p,q\n1,=SUM(A1:A9)\n", "a.csv", "row 2, column 2: '=SUM(A1:A9)' is no number"),
    "python's own": ("p\n1_000\n", "a.csv", "'1_000' is no number"),
    "ragged": ("p,q\n1,2\n3\n", "a.csv", "row 3 has 1 cells; the first has 2"),
    "too many columns": (",".join("1" * 99) + "\n", "a.csv", "has 99 columns; at most 16"),
    "a long line": ("1" * 9999 + "\n", "a.csv", "line 1 has 10,000 characters"),
    "no text": (b"\xff\xfe\x00\x01" * 9, "a.csv", "damaged or cut off"),
    "a bare quote": ('p\n"1\n', "a.csv", "damaged or cut off"),
    "time runs back": ("time,p\n2,1\n1,2\n", "a.csv", "times do not rise"),
    "no time": ("time,p\n,1\n", "a.csv", "a row has no time"),
    "beyond": ("p\n1e300\n", "a.csv", "beyond 1e100"),
    "all gaps": ("p\nnan\n\n", "a.csv", "holds no number"),
    "no npy": (b"numpy?", "a.npy", "damaged or cut off"),
    "objects": (npy(np.array([{}], object)), "a.npy", "holds object; real numbers are read"),
    "complex": (npy(np.array([1j])), "a.npy", "holds complex128"),
    "a cube": (npy(np.zeros((2, 2, 2))), "a.npy", "its shape is (2, 2, 2)"),
    "lying down": (npy(np.zeros((2, 500))), "a.npy", "has 500 channels"),
    "no numbers": (npy(np.zeros(0)), "a.npy", "its shape is (0,)"),
    "cut off": (npy(np.zeros(99))[:-1], "a.npy", "announces 99 numbers but holds 791 bytes"),
    "a billion": (
        npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,)}"),
        "a.npy",
        "announces 1,000,000,000 numbers",
    ),
    "below none": (
        npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-5, -5)}"),
        "a.npy",
        "its shape is (-5, -5)",
    ),
    "code": (npy_header("__import__('os').system('true')"), "a.npy", "damaged or cut off"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "name", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_one_line(file_of, data, name, message):
    with pytest.raises(PictureError) as refused:
        read_series(file_of(data, name))
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from('0123456789.,;\t-+e"=\n\r timeax[]N\0'), max_size=60))
def test_any_text_is_read_or_one_line(file_of, text):
    try:
        series = read_series(file_of(text))
    except PictureError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert series.values.shape == (len(series.time), len(series.channels))
