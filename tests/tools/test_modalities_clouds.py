"""Point clouds: what is read of each kind of file, what is drawn, and the line that each bad file gets."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logisight.schema import PictureError
from logisight.tools.modalities import (
    ALL_ANGLES,
    Axes,
    Kind,
    ViewSettings,
    draw_cloud,
    kind_of,
    read_cloud,
    read_views,
)
from logisight.tools.modalities.cloud import MAX_POINTS, cloud_of, spacing
from logisight.tools.modalities.voxels import normals_of

POINTS = np.array([[0, 0, 0], [1, 0, 0.5], [0, 2, 0.25], [1, 2, 4]])
COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]], np.uint8)
TRIANGLE = [[0, 1, 2]]
FRONT = ViewSettings(size=256, angles=((0, 0, 0),), depth=False)
ONE_DENT = np.array([0.3, 0.3, 0.9]) / np.linalg.norm([0.3, 0.3, 0.9])


def sphere(count=40_000, dent=None):
    """Random points on a sphere of radius 1, with a dent towards a direction."""
    points = np.random.default_rng(0).normal(size=(count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    if dent is None:
        return points
    angle = np.arccos(np.clip(points @ dent, -1, 1))
    return points * (1 - 0.12 * np.exp(-((angle / 0.18) ** 2)))[:, None]


def plate_with_bump(height=60, width=80, noise=0.0):
    """An organised cloud in metres, seen by a depth camera: a tilted table and a bump on it."""
    rows, columns = np.mgrid[:height, :width]
    x, y = (columns - width / 2) * 0.005, (rows - height / 2) * 0.005
    z = 0.6 + 0.1 * x - np.where(np.hypot(x, y) < 0.07, 0.05, 0)
    z += np.random.default_rng(0).normal(size=z.shape) * noise
    return np.dstack([x, y, z]).astype(np.float32)


def ply_header(form, count, faces=0, colours=False, list_of="uchar int"):
    lines = ["ply", f"format {form} 1.0", "comment a test", f"element vertex {count}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [f"property uchar {one}" for one in ("red", "green", "blue")] if colours else []
    lines += [f"element face {faces}", f"property list {list_of} vertex_indices"] if faces else []
    return ("\n".join([*lines, "end_header"]) + "\n").encode()


def ply(form, points=POINTS, colours=None, faces=()):
    data = ply_header(form, len(points), len(faces), colours is not None)
    shades = [()] * len(points) if colours is None else colours.tolist()
    if form == "ascii":
        rows = [" ".join(map(str, [*point, *shade])) for point, shade in zip(points, shades, strict=True)]
        rows += [" ".join(map(str, [len(face), *face])) for face in faces]
        return data + "".join(f"{row}\n" for row in rows).encode()
    order = "<" if "little" in form else ">"
    for point, shade in zip(points, shades, strict=True):
        data += struct.pack(f"{order}3f{len(shade)}B", *point, *shade)
    for face in faces:
        data += struct.pack(f"{order}B{len(face)}i", len(face), *face)
    return data


def pcd(form="binary", points=POINTS, rgb=None, announced=None):
    fields, sizes, kinds = "x y z", "4 4 4", "F F F"
    if rgb is not None:
        fields, sizes, kinds = f"{fields} rgb", f"{sizes} 4", f"{kinds} F"
    count = len(points) if announced is None else announced
    head = f"# .PCD v0.7\nVERSION 0.7\nFIELDS {fields}\nSIZE {sizes}\nTYPE {kinds}\n"
    data = f"{head}WIDTH {count}\nHEIGHT 1\nPOINTS {count}\nDATA {form}\n".encode()
    packed = [] if rgb is None else (rgb.astype(np.uint32) @ [65536, 256, 1]).astype(np.uint32)
    if form == "ascii":
        shades = packed.view(np.float32) if len(packed) else [None] * len(points)
        for point, shade in zip(points, shades, strict=True):
            words = [*map(str, point), *([] if shade is None else [repr(float(shade))])]
            data += " ".join(words).encode() + b"\n"
        return data
    for place, point in enumerate(points):
        data += struct.pack("<3f", *point) + (struct.pack("<I", packed[place]) if len(packed) else b"")
    return data


@pytest.fixture
def file_of(tmp_path):
    def write(data: bytes, name="cloud.ply") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


FORMS = ["ascii", "binary_little_endian", "binary_big_endian"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("colours", [None, COLOURS], ids=["plain", "coloured"])
def test_ply_points_and_colours_are_those_of_the_file(file_of, form, colours):
    cloud = read_cloud(file_of(ply(form, colours=colours)))
    np.testing.assert_array_equal(cloud.points, POINTS)
    np.testing.assert_array_equal(cloud.index, range(4))
    assert (cloud.colours is None) == (colours is None)
    if colours is not None:
        np.testing.assert_array_equal(cloud.colours, colours)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "faces", [[[0, 1, 2]], [[0, 1, 2, 3], [0, 1, 2]], [[0, 1], [0, 1, 2]]], ids=["one", "two sizes", "a line"]
)
def test_ply_faces_become_points_on_them(file_of, form, faces):
    flat = np.array([[0, 0, 5], [2, 0, 5], [2, 2, 5], [0, 2, 5]], float)
    cloud = read_cloud(file_of(ply(form, flat, COLOURS, faces)))
    assert len(cloud.points) > 100_000
    assert cloud.colours.shape == cloud.points.shape
    np.testing.assert_allclose(cloud.points[:, 2], 5)
    in_triangle = cloud.points[4:, 1] <= cloud.points[4:, 0] + 1e-9
    assert in_triangle.all() == (len(max(faces, key=len)) == 3)


@pytest.mark.parametrize("form", ["ascii", "binary"])
@pytest.mark.parametrize("rgb", [None, COLOURS], ids=["plain", "coloured"])
def test_pcd_points_and_colours_are_those_of_the_file(file_of, form, rgb):
    cloud = read_cloud(file_of(pcd(form, rgb=rgb), "cloud.pcd"))
    np.testing.assert_array_equal(cloud.points, POINTS)
    if rgb is not None:
        np.testing.assert_array_equal(cloud.colours, rgb)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"planarconfig": "contig"}])
def test_organised_clouds_leave_out_pixels_without_a_point(tmp_path, options):
    values = plate_with_bump()
    values[3, 4] = 0
    values[5, 6] = np.nan
    tifffile.imwrite(tmp_path / "a.tiff", values, photometric="rgb", **options)
    cloud = read_cloud(tmp_path / "a.tiff")
    assert kind_of(tmp_path / "a.tiff") is Kind.cloud
    assert (len(cloud.points), cloud.grid) == (60 * 80 - 2, (60, 80))
    assert not {3 * 80 + 4, 5 * 80 + 6} & set(cloud.index.tolist())
    np.testing.assert_array_equal(cloud.points, values.reshape(-1, 3)[cloud.index])


def test_organised_clouds_by_planes_are_the_same(tmp_path):
    values = plate_with_bump()
    planes = np.ascontiguousarray(np.moveaxis(values, 2, 0))
    tifffile.imwrite(tmp_path / "a.tiff", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.tiff").points, values.reshape(-1, 3))


def test_a_colour_tiff_is_a_picture(tmp_path):
    tifffile.imwrite(tmp_path / "a.tiff", np.zeros((5, 6, 3), np.uint8), photometric="rgb")
    assert kind_of(tmp_path / "a.tiff") is Kind.pictures


def test_stray_points_and_numbers_that_are_none_are_left_out():
    points = np.concatenate([sphere(5000), [[1e9, 0, 0], [np.nan, 0, 0], [0, np.inf, 0], [0, 0, 1e300]]])
    cloud = cloud_of("cloud", points)
    np.testing.assert_array_equal(cloud.index, range(5000))


@pytest.mark.parametrize(
    "points",
    [[[1, 2, 3]], [[1, 2, 3]] * 50, [[0, 0, 0], [1, 0, 0]], [[float(x), 0, 0] for x in range(99)]],
    ids=["one", "one place", "two", "a line"],
)
def test_clouds_without_a_surface_are_drawn(points):
    views = draw_cloud(cloud_of("cloud", np.array(points, float)), ViewSettings(size=128, clean=True))
    assert len(views) == 6
    assert all((view.pixels[:120, :120] < 230).any() for view in views)


def test_points_a_thousand_times_farther_off_or_smaller_are_drawn_alike():
    near = draw_cloud(cloud_of("cloud", sphere()), FRONT)[0].pixels.astype(int)
    far = draw_cloud(cloud_of("cloud", sphere() * 1e-3 + 4e3), FRONT)[0].pixels.astype(int)
    assert (np.abs(near - far) > 8).mean() < 0.001


def test_spacing_of_a_grid_is_its_step():
    rows, columns = np.mgrid[:200, :200] * 0.5
    points = np.stack([columns.ravel(), rows.ravel(), np.zeros(rows.size)], axis=1)
    assert spacing(points) == pytest.approx(0.5, rel=0.2)


def test_normals_of_a_sphere_point_outwards():
    points = sphere()
    aligned = np.abs((normals_of(points, 2 * spacing(points)) * points).sum(axis=1))
    assert np.median(aligned) > 0.995


def test_shading_shows_a_dent():
    whole = draw_cloud(cloud_of("cloud", sphere()), FRONT)[0].pixels.astype(float)
    cloud = cloud_of("cloud", sphere(dent=ONE_DENT))
    view = draw_cloud(cloud, FRONT)[0]
    change = np.abs(view.pixels.astype(float) - whole)[:256].max(axis=2)
    x, y, _ = view.camera.project(ONE_DENT[None] * 0.9)[0]
    rows, columns = np.mgrid[:256, :256]
    near = np.hypot(columns - x, rows - y) < 45
    inner = np.hypot(columns - 128, rows - 128) < 95
    assert change[near].max() > 30
    assert change[inner & ~near].max() < 15


def test_depth_shows_a_dent_and_its_numbers_are_those_of_the_file():
    cloud = cloud_of("cloud", sphere(dent=np.array([0, 0, 1.0])))
    view = draw_cloud(cloud, FRONT)[0]
    depth = view.depth
    assert view.camera.centre[2] - depth[128, 128] == pytest.approx(0.88, abs=0.02)
    assert np.isnan(depth[2, 2])
    assert depth[128, 128] > depth[128, 150] + 0.02


def test_projected_points_land_on_drawn_pixels():
    cloud = cloud_of("cloud", sphere(dent=ONE_DENT))
    for view in draw_cloud(cloud, ViewSettings(size=256, angles=ALL_ANGLES, depth=False)):
        x, y, _ = view.camera.project(cloud.points).T
        column, row = x.astype(int), y.astype(int)
        assert ((column >= 0) & (column < 256) & (row >= 0) & (row < 256)).all()
        assert np.isfinite(view.depth[row, column]).mean() > 0.999
        drawn = (view.pixels[:256] < 250).any(axis=2)
        assert drawn[row, column].mean() > 0.995


def test_a_box_in_a_view_is_the_points_seen_in_it():
    cloud = cloud_of("cloud", sphere())
    view = draw_cloud(cloud, ViewSettings(size=256, angles=((0, 90, 0),), depth=False))[0]
    found = cloud.points[view.points_in((118, 118, 138, 138), cloud.points)]
    # A quarter turn to the right brings what lay on the left to the front.
    assert len(found) > 20
    assert found[:, 0].max() < -0.9
    assert not view.points_in((0, 0, 8, 8), cloud.points).any()
    assert not view.points_in((-50, 300, 900, 999), cloud.points).any()


@pytest.mark.parametrize(
    ("angles", "seen"),
    [((0, 0, 0), (0, 0, 1)), ((90, 0, 0), (0, 1, 0)), ((0, -90, 0), (1, 0, 0)), ((0, 0, 90), (0, 0, 1))],
)
def test_turns_bring_the_stated_side_to_the_viewer(angles, seen):
    view = draw_cloud(cloud_of("cloud", sphere()), ViewSettings(size=128, angles=(angles,)))[0]
    assert view.camera.project(np.array([seen], float))[0, 2] == pytest.approx(-1, abs=0.05)


def test_depth_cameras_look_along_z_with_y_down(tmp_path):
    tifffile.imwrite(tmp_path / "a.tiff", plate_with_bump(), photometric="rgb")
    cloud = read_cloud(tmp_path / "a.tiff")
    view = draw_cloud(cloud, FRONT)[0]
    top, bottom = (view.camera.project(cloud.points[[place]])[0] for place in (0, -1))
    assert top[0] < bottom[0] and top[1] < bottom[1]
    middle, corner = view.depth[128, 128], view.camera.project(cloud.points[[0]])[0, 2]
    assert middle < corner
    other = draw_cloud(cloud, ViewSettings(size=256, axes=Axes.viewer))[0]
    assert other.depth[128, 128] == pytest.approx(-middle, abs=0.02)


def test_cleaning_takes_away_the_table_and_loose_pieces(tmp_path):
    values = plate_with_bump(200, 200, noise=0.0005)
    values[..., :2] *= 0.4
    loose = slice(30, 34)
    values[loose, loose, 2] -= 0.1
    tifffile.imwrite(tmp_path / "a.tiff", values, photometric="rgb")
    cloud = read_cloud(tmp_path / "a.tiff")
    view = draw_cloud(cloud, ViewSettings(size=256, clean=True))[0]
    bump = np.hypot(*cloud.points[:, :2].T) < 0.4 * 0.07
    drawn = view.points_in((0, 0, 256, 256), cloud.points)
    assert "without the plane" in view.caption
    assert drawn[bump].mean() > 0.95
    assert np.hypot(*(view.camera.centre[:2])) < 0.01
    assert view.camera.scale > 256 * 0.8 / (2 * 0.4 * 0.075)


def test_cleaning_says_where_there_is_no_plane():
    assert (
        "no plane" in draw_cloud(cloud_of("cloud", sphere()), ViewSettings(size=128, clean=True))[0].caption
    )


def test_views_have_names_captions_and_the_27_turns_in_order():
    views = draw_cloud(cloud_of("cloud", sphere(2000)), ViewSettings(size=128, angles=ALL_ANGLES))
    assert [view.name for view in views[:3]] == [
        "shaded_x+0_y+0_z+0",
        "shaded_x+0_y+0_z-15",
        "shaded_x+0_y+0_z+15",
    ]
    assert (len(views), len({view.name for view in views}), views[-1].name) == (28, 28, "depth_x+0_y+0_z+0")
    assert all(view.pixels.dtype == np.uint8 and view.caption for view in views)


BAD = {
    "nothing": (b"", "a.ply", "the file is empty"),
    "no ply": (b"obj\n", "a.ply", "is no PLY file"),
    "no end": (b"ply\nformat ascii 1.0\n" + b"comment x\n" * 20_000, "a.ply", "header is damaged"),
    "no format": (b"ply\nelement vertex 1\nproperty float x\nend_header\n", "a.ply", "its format is ''"),
    "no vertices": (b"ply\nformat ascii 1.0\nelement face 1\nend_header\n1\n", "a.ply", "has no vertices"),
    "no vertex": (ply_header("ascii", 0), "a.ply", "no point with finite coordinates"),
    "strange line": (b"ply\nformat ascii 1.0\nelement vertex -5\nend_header\n", "a.ply", "vertex -5"),
    "a billion points": (ply_header("binary_little_endian", 10**9), "a.ply", "1,000,000,000 of vertex"),
    "more than there are": (ply_header("binary_little_endian", 10**6) + b"1", "a.ply", "but holds 1"),
    "more lines than there are": (ply_header("ascii", 10**6) + b"1 2 3\n", "a.ply", "but holds 6"),
    "lines cut off": (ply_header("ascii", 3) + b"1.000000000 2.0 3\n1 2 3\n", "a.ply", "points but holds 2"),
    "text for numbers": (ply_header("ascii", 1) + b"one two three\n", "a.ply", "damaged or cut off"),
    "no number": (ply("ascii", np.full((3, 3), np.nan)), "a.ply", "no point with finite coordinates"),
    "a corner too far": (ply("ascii", faces=[[0, 1, 9]]), "a.ply", "corner that is no vertex"),
    "a corner below": (ply("binary_little_endian", faces=[[0, 1, -1]]), "a.ply", "corner that is no vertex"),
    "no area": (ply("ascii", faces=[[0, 0, 1]]), "a.ply", "none of its faces has an area"),
    "faces cut off": (ply("binary_big_endian", faces=TRIANGLE)[:-2], "a.ply", "ends within its faces"),
    "a face of thousands": (
        ply_header("binary_little_endian", 1, 1, list_of="int int") + struct.pack("<3fi", 0, 0, 0, 10**8),
        "a.ply",
        "a face has 100,000,000 corners",
    ),
    "a face of fewer than none": (
        ply_header("binary_little_endian", 1, 1, list_of="int int") + struct.pack("<3fi", 0, 0, 0, -3),
        "a.ply",
        "a face has -3 corners",
    ),
    "a face of text": (ply_header("ascii", 1, 1) + b"0 0 0\nx y\n", "a.ply", "damaged or cut off"),
    "faces first": (
        b"ply\nformat binary_little_endian 1.0\nelement face 1\nproperty list uchar int vertex_index\n"
        + ply("binary_little_endian").split(b"test\n")[1],
        "a.ply",
        "has lists before its vertices",
    ),
    "no pcd": (b"hello\n" * 99, "a.pcd", "is no PCD file"),
    "packed pcd": (pcd("binary_compressed"), "a.pcd", "save it as DATA binary"),
    "a billion pcd": (pcd(announced=10**9), "a.pcd", "announces 1,000,000,000 points"),
    "pcd below none": (pcd(announced=-1), "a.pcd", "announces -1 points"),
    "pcd cut off": (pcd()[:-3], "a.pcd", "announces 48 bytes but holds 45"),
    "no tiff": (b"II*\0nothing here", "a.tiff", "damaged or cut off"),
    "unknown": (b"1 2 3", "a.xyz", "is of no kind that is read"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "name", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_one_line(file_of, data, name, message):
    with pytest.raises(PictureError) as refused:
        read_views(file_of(data, name))
    assert message in str(refused.value)
    assert name in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_tiff_of_too_many_points_is_refused_by_its_header(tmp_path):
    values = np.zeros((1, 8, 3), np.float32)
    tifffile.imwrite(tmp_path / "a.tiff", values, photometric="rgb", compression="zlib")
    data = bytearray((tmp_path / "a.tiff").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tiff") as file:
        place = file.pages[0].tags["ImageLength"].valueoffset
    data[place : place + 4] = struct.pack("<I", MAX_POINTS)
    (tmp_path / "a.tiff").write_bytes(data)
    with pytest.raises(PictureError, match="has 40,000,000 points; at most"):
        read_cloud(tmp_path / "a.tiff")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_one_line(file_of, data):
    form = data.draw(st.sampled_from([*FORMS, "pcd ascii", "pcd binary"]))
    whole = pcd(form[4:]) if form.startswith("pcd") else ply(form, colours=COLOURS, faces=[[0, 1, 2, 3]])
    file = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(file) - 1), max_size=6)):
        file[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(file)))
    name = "a.pcd" if form.startswith("pcd") else "a.ply"
    try:
        cloud = read_cloud(file_of(bytes(file[:cut]), name))
    except PictureError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert np.isfinite(cloud.points).all() and len(cloud.points)
