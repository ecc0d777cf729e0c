"""Ways to lay out a folder of images and masks: recognised at once, and read as drawn."""

import json
import re
import shutil
import unicodedata

import numpy as np
import pytest
import tool_exports as exports
from helpers import noise, save, write_pairs
from tool_exports import COUNTS, write_json, write_text

from unetlite.classes import IGNORE
from unetlite.data import layouts
from unetlite.data.folder import Folder
from unetlite.data.layouts import LAYOUTS, read_layout
from unetlite.data.layouts.base import UNSPLIT, Layout, Naming, Pair
from unetlite.data.layouts.masks import MaskFile
from unetlite.data.samples import SPLITS
from unetlite.errors import UsageError

PIXELS = np.zeros((2, 3), np.uint8)
PLAIN = Naming()
DRAWN = (exports.plain, exports.other_words, exports.cvat, exports.nnunet, exports.nnunet_1,
         exports.coco_single, exports.labelme, exports.label_studio)  # fmt: skip
"""Without splits."""

WITHOUT_CLASSES = (
    exports.plain,
    exports.other_words,
    exports.split_first,
    exports.split_inside,
    exports.pairs,
    exports.voc,
    exports.cityscapes,
)

LAYOUT_OF = {
    exports.plain: "folders",
    exports.other_words: "folders",
    exports.split_first: "split_first",
    exports.split_inside: "split_inside",
    exports.pairs: "pairs",
    exports.voc: "voc",
    exports.cvat: "voc",
    exports.roboflow: "roboflow",
    exports.nnunet: "nnunet",
    exports.nnunet_1: "nnunet",
    exports.cityscapes: "cityscapes",
    exports.coco: "coco",
    exports.coco_roboflow: "coco",
    exports.coco_single: "coco",
    exports.labelme: "labelme",
    exports.label_studio: "label_studio",
}


def layout(directory, naming=PLAIN):
    return read_layout(directory, naming)[1]


def test_every_layout_is_written_by_a_tool_of_the_tests():
    assert set(LAYOUT_OF.values()) == set(LAYOUTS)


@pytest.mark.parametrize("write", LAYOUT_OF, ids=lambda write: write.__name__)
def test_the_export_of_a_tool_is_recognised_and_read_as_it_was_drawn(tmp_path, write):
    write(tmp_path)
    options = {"classes": exports.NAMES} if write in WITHOUT_CLASSES else {}
    folder = Folder(root=str(tmp_path), **options)
    assert folder.layout == LAYOUTS[LAYOUT_OF[write]].title
    assert folder.classes == tuple(exports.NAMES)
    assert all(folder.pairs.values())
    if write not in DRAWN:
        assert {split: len(pairs) for split, pairs in folder.pairs.items()} == COUNTS
    scenes = {scene.name: scene for _, scene in exports.each()}
    names = set()
    for split, samples in folder.samples().items():
        for sample in samples:
            (name,) = re.findall(r"\b(?:|a|A|\w+_|photo )(\d\d)(?!\d)", sample.name)
            names.add(name)
            expected = scenes[name].mask
            if write is exports.voc:
                expected[0] = IGNORE
            assert np.array_equal(sample.mask, expected), (split, sample.name)
    if write not in (exports.nnunet, exports.nnunet_1):
        assert names == set(scenes)


def test_several_files_are_the_channels_of_an_image(tmp_path):
    exports.nnunet(tmp_path)
    folder = Folder(root=str(tmp_path))
    sample = folder.read(folder.pairs["train"][0])
    scene = exports.scene(int(sample.name.removeprefix("case_")))
    assert np.array_equal(sample.image, scene.image[..., :2].transpose(2, 0, 1))
    assert "left out: 4 files of test images without a mask" in " ".join(folder.notes)


def test_images_and_masks_are_paired_by_name(tmp_path):
    write_pairs(tmp_path, PIXELS, PIXELS, suffix=".jpg")
    pairs = layout(tmp_path).splits[UNSPLIT]
    assert [pair.name for pair in pairs] == ["0", "1", "2"]
    assert pairs[1].image == tmp_path / "images" / "1.jpg"
    assert pairs[1].mask == MaskFile(tmp_path / "masks" / "1.png")
    assert pairs[1].group == "1"
    assert pairs[1].files() == [pairs[1].image, pairs[1].mask.path]


def test_names_are_compared_as_people_read_them(tmp_path):
    name = "Café 道路"
    save(tmp_path / "images" / f"{unicodedata.normalize('NFD', name)}.png", PIXELS)
    save(tmp_path / "masks" / f"{unicodedata.normalize('NFC', name)}.png", PIXELS)
    (pair,) = layout(tmp_path).splits[UNSPLIT]
    assert pair.name == unicodedata.normalize("NFC", name)


def test_validity_masks_belong_to_their_images(tmp_path):
    write_pairs(tmp_path, PIXELS, PIXELS)
    for k in range(3):
        save(tmp_path / "valid" / f"{k}.png", PIXELS)
    pairs = layout(tmp_path).splits[UNSPLIT]
    assert pairs[2].valid == tmp_path / "valid" / "2.png"
    assert pairs[2].files()[-1] == pairs[2].valid


def test_test_images_without_masks_are_left_out_and_counted(tmp_path):
    for k, split in enumerate(SPLITS):
        write_pairs(tmp_path / split, PIXELS + 10 * k, PIXELS)
    shutil.rmtree(tmp_path / "test" / "masks")
    folder = Folder(root=str(tmp_path))
    assert {split: len(pairs) for split, pairs in folder.pairs.items()} == {
        "train": 2,
        "val": 3,
        "test": 1,
    }
    assert folder.notes == [
        "there is no test split; drawn for it: 1 of 3 train images",
        "left out: 3 files of test images without a mask, such as test/images/0.png",
    ]


def test_what_is_not_read_is_counted_by_folder_and_type(tmp_path):
    root = write_pairs(tmp_path, PIXELS, PIXELS)
    for name in ("images/x.jp2", "images/y.JP2", "images/notes.txt", "images/.hidden.jp2"):
        (tmp_path / name).touch()
    save(tmp_path / "masks" / "x.png", PIXELS)
    assert Folder(root=root).notes == [
        "left out: 2 .jp2 files in images/ of a type that is not read, such as images/x.jp2",
        "left out: 1 .png file in masks/ in no pair of image and mask, such as masks/x.png",
    ]


def test_a_new_layout_is_one_function_in_the_list(tmp_path, monkeypatch):
    def side_by_side(directory):
        if not (directory / "a_mask.png").exists():
            return None
        pair = Pair("a", (directory / "a.png",), MaskFile(directory / "a_mask.png"), "a")
        return lambda naming: Layout({UNSPLIT: [pair]})

    kind = layouts.LayoutKind("side by side", side_by_side)
    monkeypatch.setattr(layouts, "LAYOUTS", {**LAYOUTS, "beside": kind})
    save(tmp_path / "a_mask.png", PIXELS)
    name, content = read_layout(tmp_path, PLAIN)
    assert (name, content.splits[UNSPLIT][0].name) == ("beside", "a")


def test_a_folder_of_two_layouts_needs_a_choice_and_pairs_csv_is_one(tmp_path):
    exports.plain(tmp_path)
    exports.coco_single(tmp_path)
    message = "images/ and masks/ and as COCO JSON. Say which by data.layout=folders or data.layout"
    with pytest.raises(UsageError, match=message):
        Folder(root=str(tmp_path))
    assert Folder(root=str(tmp_path), layout="coco").layout_classes == exports.NAMES
    with pytest.raises(UsageError, match=r"data\.layout=voc: .* is not laid out as Pascal VOC"):
        Folder(root=str(tmp_path), layout="voc")
    with pytest.raises(UsageError, match=r"data\.layout=x: choose one of folders, "):
        Folder(root=str(tmp_path), layout="x")
    exports.pairs(tmp_path)
    assert Folder(root=str(tmp_path)).layout == "pairs.csv"


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", r"data\.group=\(: expected an expression"),
        ("[0-9]", r"data\.group=\[0-9\]: expected an expression"),
        (r"(\D)", r"data\.group=\(\\D\) finds no group in the name 0"),
    ],
)
def test_a_group_needs_an_expression_that_matches_one(tmp_path, group, message):
    write_pairs(tmp_path, PIXELS, PIXELS)
    with pytest.raises(UsageError, match=message):
        layout(tmp_path, Naming(group=group))


def test_a_group_is_the_first_of_the_expression(tmp_path):
    for name in ("patient1_0", "patient2_0", "patient2_1"):
        save(tmp_path / "images" / f"{name}.png", PIXELS)
        save(tmp_path / "masks" / f"{name}.png", PIXELS)
    pairs = layout(tmp_path, Naming(group=r"(patient\d+)_(\d)")).splits[UNSPLIT]
    assert [pair.group for pair in pairs] == ["patient1", "patient2", "patient2"]


def test_a_city_is_a_group_unless_names_say_another(tmp_path):
    exports.cityscapes(tmp_path)
    groups = {pair.group for pair in layout(tmp_path).splits["train"]}
    assert groups == {"aachen", "bonn", "köln"}
    (group,) = {pair.group for pair in layout(tmp_path, Naming(group=r"_(0)")).splits["train"]}
    assert group == "0"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no layout fits; it needs images/ and masks/, .* It is empty"),
        (["images/0.png"], "no layout fits; .* It has images/"),
        (["images/0.txt", "masks/0.png"], r"images holds no image \(.png"),
        (["images/0.png", "masks/1.png"], r"images/0.png has no mask: expected one of the same"),
        (["images/0.png", "images/1.png", "masks/2.png"], "0.png and 1 more have no mask"),
        (["images/d/0.png", "masks/0.png"], "images/d/0.png has no mask"),
        (["images/0.png", "img/0.png", "masks/0.png"], "has images and img, and either may hold"),
        (["images/0.png", "masks/0.png", "labels/0.png"], "has labels and masks, and either may"),
        (
            ["images/0.png", "images/1.png", "masks/0.png", "masks/1.png", "valid/0.png"],
            r"images/1\.png has no validity mask",
        ),
        (
            ["images/train/0.png", "masks/train/0.png", "images/unsorted/1.png"],
            "unsorted is in no split",
        ),
        (["images/train/0.png", "images/1.png", "masks/train/0.png"], "1.png is in no split"),
        (["images/train/0.png", "images/val/1.png", "masks/train/0.png"], "has no folder val/"),
        (
            ["train/images/0.png", "train/masks/0.png", "val/images/1.png"],
            "val has no folder masks/",
        ),
        (
            ["val/images/0.png", "val/masks/0.png", "valid/images/1.png", "valid/masks/1.png"],
            "val and .*valid both name the val split",
        ),
        (["inner/images/0.png", "inner/masks/0.png"], "Did you mean .*inner"),
    ],
)
def test_what_is_missing_or_unclear_is_named(tmp_path, files, message):
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(UsageError, match=message):
        read_layout(tmp_path, PLAIN)


# What a tool wrote, and somebody changed


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def coco_change(change):
    def write(root):
        exports.coco_single(root)
        change_json(root / "result.json", change)

    return write


def labelme_change(change):
    def write(root):
        exports.labelme(root)
        change_json(root / "03.json", change)

    return write


def label_studio_change(change):
    def write(root):
        exports.label_studio(root)
        change_json(root / "project-1-at-2024.json", change)

    return write


def read_all(root):
    folder = Folder(root=str(root))
    return [sample for samples in folder.samples().values() for sample in samples]


def region(tasks):
    return tasks[3]["annotations"][0]["result"][0]


def other_run_lengths(content):
    content["annotations"][2]["segmentation"]["size"] = [24, 31]


def annotate_twice(tasks):
    tasks[3]["annotations"] *= 2


def remove_image(root):
    exports.coco(root)
    (root / "val2017" / "05.png").unlink()


def other_size(root):
    exports.labelme(root)
    save(root / "03.png", noise(24, 30, 3))


def volumes(root):
    exports.nnunet(root)
    (root / "imagesTr" / "case_77_0000.nii.gz").touch()


def missing_channel(root):
    exports.nnunet(root)
    (root / "imagesTr" / "case_02_0001.png").unlink()


def two_kinds(root):
    exports.cityscapes(root)
    for path in list(root.rglob("*_labelTrainIds.png")):
        shutil.copy(path, path.with_name(path.name.replace("TrainIds", "Ids")))


def brushes(root):
    exports.plain(root)
    for number, path in enumerate(sorted((root / "masks").iterdir())):
        path.rename(path.with_name(f"task-{number}-annotation-7-by-1-tag-cat-0.png"))


def pairs_change(before, after):
    def write(root):
        exports.pairs(root)
        text = (root / "pairs.csv").read_text(encoding="utf-8-sig")
        write_text(root / "pairs.csv", text.replace(before, after))

    return write


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (coco_change(lambda c: c["annotations"][4].pop("segmentation")), "annotation 4 has a box"),
        (coco_change(lambda c: c["annotations"][4].update(image_id=99)), "image_id 99, which"),
        (coco_change(lambda c: c["annotations"][4].update(category_id=1)), "category_id 1, which"),
        (coco_change(lambda c: c["annotations"][4].pop("id")), "not as COCO writes it .*'id'"),
        (coco_change(other_run_lengths), r"run .*\[24, 31\].* image .*01.png has \[24, 32\]"),
        (coco_change(lambda c: c["categories"][0].update(name="cat")), "has two labels cat; give"),
        (coco_change(lambda c: c["images"][1].update(id=0)), "two images have the id 0"),
        (coco_change(lambda c: c["images"][1].update(file_name="x.png")), "x.png, which is not"),
        (coco_change(lambda c: c["images"][1].update(width=0)), "is 0 x 24 pixels"),
        (remove_image, "names the image 05.png, which is not below"),
        (labelme_change(lambda c: c["shapes"][0].update(shape_type="linestrip")), "a linestrip of"),
        (labelme_change(lambda c: c["shapes"][0].pop("label")), "not as labelme writes it"),
        (labelme_change(lambda c: c.pop("imageHeight")), "03.png is 32 x None pixels"),
        (other_size, "03.json gives 03.png 32 x 24 pixels by imageWidth.*03.png has 30 x 24"),
        (label_studio_change(lambda c: region(c).update(type="keypointlabels")), "keypointlabels"),
        (label_studio_change(annotate_twice), "task 3 has 2 annotations"),
        (label_studio_change(lambda c: region(c)["value"].pop("brushlabels")), "not as Label"),
        (label_studio_change(lambda c: region(c)["value"]["rle"].__delitem__(-9)), "a brush that"),
        (label_studio_change(lambda c: region(c).update(image_rotation=90)), "was turned by 90"),
        (brushes, "by the number of the task, which does not say the image"),
        (volumes, "case_77_0000.nii.gz is a 3-D volume"),
        (missing_channel, "case_02_0000.png has 1 channel.* others have 2"),
        (two_kinds, "has masks of two kinds; give .*{stem}_gtFine_labelIds.png.* or "),
        (pairs_change("Mask;", "Truth;"), "columns group, split, truth, image; it needs"),
        (pairs_change("truth 03", "truth 33"), "line 5: there is no mask b/truth 33.png"),
        (pairs_change("Test", "holdout"), "line 9: split 'holdout' of a/07 is not one of"),
        (pairs_change("g04", ""), "line 6: the group of a/04 is empty"),
        (pairs_change("g04;", ""), "line 6 has 3 cells, but the header 4"),
        (pairs_change("a\\04", "a\\03"), "line 6: the image a/03 is also in .*line 5"),
    ],
)
def test_what_a_tool_would_not_write_is_refused_in_words(tmp_path, write, message):
    write(tmp_path)
    with pytest.raises(UsageError, match=message) as error:
        read_all(tmp_path)
    assert "\n" not in str(error.value)


def cut(file):
    """Half of what an export holds, as after a full disk."""

    def change(root):
        (path,) = root.glob(file)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return change


def rename(before, after):
    return lambda root: (root / before).rename(root / after)


def remove(file):
    return lambda root: (root / file).unlink()


def empty(file):
    return lambda root: (root / file).write_text("")


@pytest.mark.parametrize(
    ("write", "change", "message"),
    [
        (exports.coco_roboflow, cut("train/*.json"), r"train/.*json is damaged: it is no JSON"),
        (exports.coco_roboflow, cut("valid/*.json"), r"valid/.*json is damaged: it is no JSON"),
        (exports.coco_roboflow, cut("test/*.json"), r"test/.*json is damaged: it is no JSON"),
        (exports.coco, cut("annotations/instances_val*"), r"instances_val2017.json is damaged"),
        (exports.coco_single, cut("result.json"), r"no layout fits. .*result.json is damaged"),
        (exports.label_studio, cut("*.json"), r"no layout fits. .*2024.json is damaged"),
        (exports.labelme, cut("03.json"), "03.json is damaged"),
        (exports.nnunet, cut("dataset.json"), "dataset.json is damaged"),
        (exports.roboflow, cut("valid/_classes.csv"), "valid/_classes.csv has .*, but .*/test/_cl"),
        (exports.roboflow, remove("valid/_classes.csv"), "valid has no _classes.csv"),
        (exports.roboflow, rename("valid", "validate"), "validate holds .* no val split. Call it"),
        (exports.split_first, rename("Train", "Trainset"), "Trainset holds .* no train split"),
        (exports.cityscapes, rename("leftImg8bit/val", "leftImg8bit/v"), "v holds .* no val"),
        (
            exports.coco_roboflow,
            remove("train/_annotations.coco.json"),
            "train holds .* Add the",
        ),
        (exports.voc, empty("ImageSets/Segmentation/val.txt"), "the val split has no image"),
        (exports.voc, rename("ImageSets", "ImageSet"), "test.txt looks like the list of a split"),
        (exports.cvat, rename("SegmentationClass", "masks"), "but SegmentationClass/ is missing"),
        (exports.nnunet, rename("labelsTr", "labels"), "looks like nnU-Net, but labelsTr/ is miss"),
        (exports.cityscapes, rename("gtFine", "gt"), "looks like Cityscapes, but gtFine/ is miss"),
        (exports.coco, rename("annotations", "annots"), "annots has COCO JSON, but no images"),
    ],
)
def test_a_broken_or_renamed_part_never_loses_a_split_in_silence(tmp_path, write, change, message):
    write(tmp_path)
    change(tmp_path)
    with pytest.raises(UsageError, match=message) as error:
        Folder(root=str(tmp_path), classes=exports.NAMES)
    assert "\n" not in str(error.value)


def test_folders_beside_complete_splits_and_test_images_without_labels_are_named(tmp_path):
    exports.coco(tmp_path)
    (tmp_path / "annotations" / "instances_test2017.json").unlink()
    save(tmp_path / "unlabeled2017" / "x.png", PIXELS)
    notes = " ".join(Folder(root=str(tmp_path)).notes)
    assert "left out: 2 .png files in test2017/" in notes
    assert "left out: 1 .png file in unlabeled2017/" in notes


def test_a_damaged_file_beside_another_layout_is_named(tmp_path):
    exports.plain(tmp_path)
    (tmp_path / "result.json").write_text("{")
    (tmp_path / "split.csv").write_text("id;Split\na00;train\n")
    notes = Folder(root=str(tmp_path)).notes
    assert "result.json is damaged" in notes[0]
    assert "split.csv has a column split and is not read" in notes[1]


def test_an_image_that_no_list_names_is_said_to_be_so(tmp_path):
    exports.cvat(tmp_path)
    lists = tmp_path / "ImageSets" / "Segmentation"
    write_text(lists / "default.txt", "\n".join(f"{k:02}" for k in range(8)))
    assert Folder(root=str(tmp_path)).notes == [
        "left out: 2 files of images that no list names, such as JPEGImages/08.png"
    ]
    for split, names in {"train": "00\n01", "val": "02\n01", "test": "03"}.items():
        write_text(lists / f"{split}.txt", names)
    (lists / "default.txt").unlink()
    with pytest.raises(UsageError, match="Segmentation names 01 in the lists of train and of val"):
        Folder(root=str(tmp_path))


def test_the_cityscapes_image_that_lacks_its_mask_is_named(tmp_path):
    exports.cityscapes(tmp_path)
    (mask,) = tmp_path.rglob("*_05_*labelTrainIds.png")
    mask.unlink()
    with pytest.raises(UsageError, match=r"_05_.*leftImg8bit.png has no mask .*TrainIds.png \(1 "):
        Folder(root=str(tmp_path))


@pytest.mark.parametrize("write", [exports.labelme, exports.label_studio], ids=["labelme", "ls"])
def test_a_label_that_looks_like_a_slip_is_named_with_its_file(tmp_path, write):
    write(tmp_path)
    assert not any("the label" in note for note in Folder(root=str(tmp_path)).notes)
    file = tmp_path / "03.json"
    if write is exports.label_studio:
        file = tmp_path / "project-1-at-2024.json"
    file.write_text(file.read_text().replace('"dog"', '"dgo"', 1))
    (note,) = (note for note in Folder(root=str(tmp_path)).notes if "the label" in note)
    assert re.match(
        r"the label dgo is in 1 of 9 (files|images) \(.*0\d.*\), next to dog in 8;", note
    )


def test_crowds_are_ignored_and_a_category_above_others_is_no_class(tmp_path):
    exports.coco_roboflow(tmp_path)
    file = tmp_path / "valid" / "_annotations.coco.json"
    change_json(file, lambda c: c["annotations"][0].update(iscrowd=1))
    folder = Folder(root=str(tmp_path))
    scene = exports.scene(5)
    assert np.array_equal(
        folder.read(folder.pairs["val"][0]).mask,
        np.where(exports.box_mask(scene.boxes[1]), IGNORE, scene.mask),
    )
    assert "the category animal stands above others" in folder.notes[0]


def test_an_image_without_objects_is_background_and_said(tmp_path):
    exports.coco_single(tmp_path)
    change_json(tmp_path / "result.json", lambda c: c.update(annotations=c["annotations"][2:]))
    folder = Folder(root=str(tmp_path))
    samples = {pair.name: pair for pair in folder.all_pairs()}
    assert not folder.read(samples["images/00"]).mask.any()
    assert "only background: 1 image of " in folder.notes[0]


def use_server_paths(root):
    """As Label Studio's COCO export names images that were uploaded."""

    def change(content):
        for number, image in enumerate(content["images"]):
            name = image["file_name"].rpartition("\\")[2]
            path = f"../../label_studio/media/upload/1/{number:08x}-{name}"
            image["file_name"] = path

    exports.coco_single(root)
    change_json(root / "result.json", change)


def test_paths_of_a_server_are_matched_by_file_name_and_that_is_said(tmp_path):
    use_server_paths(tmp_path)
    (tmp_path / "images" / "03.png").rename(tmp_path / "images" / "00000003-03.png")
    folder = Folder(root=str(tmp_path))
    samples = {pair.name: folder.read(pair) for pair in folder.all_pairs()}
    for _, scene in exports.each():
        name = "00000003-03" if scene.name == "03" else scene.name
        assert np.array_equal(samples[name].mask, scene.mask)
        assert np.array_equal(samples[name].image.transpose(1, 2, 0), scene.image)
    assert "the paths of result.json are not here" in folder.notes[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "images" / "04.png").unlink(), "04.png, which is not below"),
        (
            lambda root: save(root / "more" / "04.png", PIXELS),
            r"04\.png; .*images/04\.png and .*more/04\.png have that name",
        ),
        (
            lambda root: change_json(
                root / "result.json",
                lambda c: c["images"][5].update(file_name="../2/aaaaaaaa-04.png"),
            ),
            r"names the images .*04\.png and .*04\.png, which may both be .*images/04\.png",
        ),
    ],
    ids=["missing", "two files", "two names"],
)
def test_file_names_that_are_missing_or_not_unique_are_refused(tmp_path, change, message):
    use_server_paths(tmp_path)
    change(tmp_path)
    with pytest.raises(UsageError, match=message):
        Folder(root=str(tmp_path))


def test_lists_of_pascal_voc_name_images_and_test_may_lack_masks(tmp_path):
    exports.voc(tmp_path)
    lists = tmp_path / "ImageSets" / "Segmentation"
    (lists / "val.txt").unlink()  # trainval.txt says the rest
    for name in ("07", "08"):
        (tmp_path / "SegmentationClass" / f"{name}.png").unlink()
    content = layout(tmp_path)
    assert {split: len(pairs) for split, pairs in content.splits.items()} == {"train": 5, "val": 2}
    assert [path.name for path in content.untested] == ["07.jpg", "08.jpg"]
    (tmp_path / "SegmentationClass" / "01.png").unlink()
    with pytest.raises(UsageError, match="SegmentationClass has no 01, which a list"):
        layout(tmp_path)


def test_versions_that_roboflow_made_of_an_image_are_one_group_if_a_split_is_drawn(tmp_path):
    exports.roboflow(tmp_path)
    shutil.rmtree(tmp_path / "test")
    groups = {pair.group for pair in layout(tmp_path).splits["train"]}
    assert groups == {"00_jpg", "01_jpg", "02_jpg", "03_jpg", "04_jpg"}


def test_labels_that_nnunet_ignores_have_no_truth(tmp_path):
    exports.nnunet(tmp_path)
    labels = {"background": 0, "cat": 1, "ignore": 2}
    write_json(tmp_path / "dataset.json", {"labels": labels})
    folder = Folder(root=str(tmp_path))
    mask = folder.read(folder.pairs["train"][0]).mask
    assert folder.classes == ("background", "cat")
    assert set(np.unique(mask)) == {0, 1, IGNORE}
    write_json(tmp_path / "dataset.json", {"labels": {"background": 0, "all": [1, 2]}})
    with pytest.raises(UsageError, match="the label all is a region"):
        Folder(root=str(tmp_path))
