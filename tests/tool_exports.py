"""Folders as tools write them, of small scenes whose masks are known."""

import json
from typing import NamedTuple

import numpy as np
from helpers import noise, save
from PIL import Image

HEIGHT, WIDTH = 24, 32
NAMES = ["background", "cat", "dog"]
COLOURS = [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
COUNTS = {"train": 5, "val": 2, "test": 2}


class Scene(NamedTuple):
    """A large box of class 1, and a small one of class 2 over it: left, top, right, bottom."""

    name: str
    image: np.ndarray
    boxes: list[tuple[int, int, int, int]]

    @property
    def mask(self):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for value, (left, top, right, bottom) in enumerate(self.boxes, start=1):
            mask[top:bottom, left:right] = value
        return mask


def scene(number):
    """Scenes differ in image and mask, and their names say the number."""
    large = (1 + number, 2, 20 + number, 20)
    small = (8 + number, 6 + number, 14 + number, 12 + number)
    return Scene(f"{number:02}", noise(HEIGHT, WIDTH, 3, seed=number), [large, small])


def scenes():
    """The scenes by split."""
    splits, number = {}, 0
    for split, count in COUNTS.items():
        splits[split] = [scene(number + k) for k in range(count)]
        number += count
    return splits


def each():
    """Split and scene, one after the other."""
    return [(split, scene) for split, members in scenes().items() for scene in members]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def polygon(box):
    """The corners of a box."""
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def box_mask(box):
    """The pixels of a box, bool (H, W)."""
    left, top, right, bottom = box
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


# Folders


def plain(root):
    for _, scene in each():
        save(root / "images" / f"a{scene.name}.png", scene.image)
        save(root / "masks" / f"a{scene.name}.png", scene.mask)


def other_words(root):
    for _, scene in each():
        save(root / "IMGS" / f"a{scene.name}.jpg", scene.image)
        save(root / "Labels" / f"A{scene.name}.png", scene.mask)


def split_first(root):
    words = {"train": "Train", "val": "Validation", "test": "TEST"}
    for split, scene in each():
        save(root / words[split] / "images" / f"{scene.name}.jpg", scene.image)
        save(root / words[split] / "masks" / f"{scene.name}.jpg.png", scene.mask)


def split_inside(root):
    words = {"train": "train", "val": "valid", "test": "test"}
    for split, scene in each():
        save(root / "images" / words[split] / f"{scene.name}.png", scene.image)
        save(root / "annotations" / words[split] / f"{scene.name}.png", scene.mask)


def pairs(root):
    """As a spreadsheet in German saves it."""
    lines = ["Group;Split;Mask;Image"]
    for split, scene in each():
        save(root / "a" / f"{scene.name}.png", scene.image)
        save(root / "b" / f"truth {scene.name}.png", scene.mask)
        lines.append(f"g{scene.name};{split.title()};b/truth {scene.name}.png;a\\{scene.name}.png")
    write_text(root / "pairs.csv", "\ufeff" + "\r\n".join(lines) + "\r\n")


# Tools that write masks


def voc(root):
    """Palettes, a white border around objects, and lists; test images without masks."""
    lists = {"train": [], "val": [], "test": []}
    for split, scene in each():
        save(root / "JPEGImages" / f"{scene.name}.jpg", scene.image)
        lists[split].append(scene.name)
        mask = scene.mask
        mask[0] = 255
        file = Image.fromarray(mask, mode="P")
        palette = np.zeros((256, 3), np.uint8)
        palette[:3] = COLOURS
        palette[255] = (224, 224, 192)
        file.putpalette(palette.ravel().tolist())
        (root / "SegmentationClass").mkdir(exist_ok=True)
        file.save(root / "SegmentationClass" / f"{scene.name}.png")
    lists["trainval"] = lists["train"] + lists["val"]
    for name, names in lists.items():
        text = "\n".join(names) + "\n"
        write_text(root / "ImageSets" / "Segmentation" / f"{name}.txt", text)


def cvat(root):
    """RGB masks and labelmap.txt; one list, of no split."""
    names = []
    for _, scene in each():
        names.append(scene.name)
        save(root / "JPEGImages" / f"{scene.name}.png", scene.image)
        save(root / "SegmentationClass" / f"{scene.name}.png", np.uint8(COLOURS)[scene.mask])
    lines = ["# label:color_rgb:parts:actions"]
    for name, colour in zip(NAMES, COLOURS, strict=True):
        lines.append(f"{name}:{','.join(map(str, colour))}::")
    write_text(root / "labelmap.txt", "\n".join(lines) + "\n")
    write_text(root / "ImageSets" / "Segmentation" / "default.txt", "\n".join(names) + "\n")


def roboflow(root):
    words = {"train": "train", "val": "valid", "test": "test"}
    for split, scene in each():
        folder = root / words[split]
        save(folder / f"{scene.name}_jpg.rf.0a1b.jpg", scene.image)
        save(folder / f"{scene.name}_jpg.rf.0a1b_mask.png", scene.mask)
        rows = [f"{value}, {name}" for value, name in enumerate(NAMES)]
        write_text(folder / "_classes.csv", "\n".join(["Pixel Value, Class", *rows]) + "\n")


def nnunet(root):
    """Two channels, and images to test on without a truth."""
    for split, scene in each():
        for channel in (0, 1):
            part = "Ts" if split == "test" else "Tr"
            file = root / f"images{part}" / f"case_{scene.name}_{channel:04}.png"
            save(file, scene.image[..., channel])
        if split != "test":
            save(root / "labelsTr" / f"case_{scene.name}.png", scene.mask)
    labels = {name: value for value, name in enumerate(NAMES)}
    write_json(root / "dataset.json", {"channel_names": {"0": "r", "1": "g"}, "labels": labels})


def nnunet_1(root):
    """The labels of nnU-Net 1."""
    nnunet(root)
    write_json(root / "dataset.json", {"labels": {"0": "background", "1": "cat", "2": "dog"}})


def cityscapes(root):
    cities = {"train": ("aachen", "bonn", "köln"), "val": ("lindau",), "test": ("ulm",)}
    for number, (split, scene) in enumerate(each()):
        city = cities[split][number % len(cities[split])]
        name = f"{split}/{city}/{city}_{scene.name}_000019"
        save(root / "leftImg8bit" / f"{name}_leftImg8bit.png", scene.image)
        save(root / "gtFine" / f"{name}_gtFine_labelTrainIds.png", scene.mask)
        save(root / "gtFine" / f"{name}_gtFine_color.png", scene.image)


# Tools that write outlines


def run_lengths(mask):
    """COCO's, of a mask bool (H, W)."""
    values = np.concatenate([[False], mask.T.ravel()])
    changes = np.flatnonzero(values[1:] != values[:-1]).tolist()
    return np.diff([0, *changes, mask.size]).tolist()


def compress(lengths):
    """COCO's text of run lengths."""
    text = ""
    for k, length in enumerate(lengths):
        value = length - lengths[k - 2] if k > 2 else length
        while True:
            code = value & 31
            value >>= 5
            more = value != (-1 if code & 16 else 0)
            text += chr(48 + code + 32 * more)
            if not more:
                break
    return text


def coco_content(members, prefix=""):
    """The small object comes first in the file; the kinds of outlines take turns."""
    content = {"images": [], "annotations": [], "categories": []}
    for number, name in ((7, "dog"), (3, "cat")):
        content["categories"].append({"id": number, "name": name, "supercategory": "animal"})
    for number, scene in enumerate(members):
        content["images"].append(
            {
                "id": number,
                "file_name": f"{prefix}{scene.name}.png",
                "height": HEIGHT,
                "width": WIDTH,
            }
        )
        for category, box in zip((7, 3), scene.boxes[::-1], strict=True):
            lengths = run_lengths(box_mask(box))
            kinds = [
                [np.ravel(polygon(box)).tolist()],
                {"size": [HEIGHT, WIDTH], "counts": lengths},
                {"size": [HEIGHT, WIDTH], "counts": compress(lengths)},
            ]
            content["annotations"].append(
                {
                    "id": len(content["annotations"]),
                    "image_id": number,
                    "category_id": category,
                    "segmentation": kinds[number % 3],
                    "iscrowd": 0,
                }
            )
    return content


def coco(root):
    """As published: instances_train2017.json, and keypoints and captions beside it."""
    for split, members in scenes().items():
        for scene in members:
            save(root / f"{split}2017" / f"{scene.name}.png", scene.image)
        content = coco_content(members)
        write_json(root / "annotations" / f"instances_{split}2017.json", content)
        write_json(root / "annotations" / f"person_keypoints_{split}2017.json", content)


def coco_roboflow(root):
    words = {"train": "train", "val": "valid", "test": "test"}
    for split, members in scenes().items():
        for scene in members:
            save(root / words[split] / f"{scene.name}.png", scene.image)
        content = coco_content(members)
        content["categories"].append({"id": 0, "name": "animal", "supercategory": "none"})
        write_json(root / words[split] / "_annotations.coco.json", content)


def coco_single(root):
    """result.json beside images/, which the names begin with."""
    members = [scene for _, scene in each()]
    for scene in members:
        save(root / "images" / f"{scene.name}.png", scene.image)
    write_json(root / "result.json", coco_content(members, prefix="images\\"))


def labelme(root):
    for number, (_, scene) in enumerate(each()):
        save(root / f"{scene.name}.png", scene.image)
        shapes = []
        for label, box in zip(NAMES[1:], scene.boxes, strict=True):
            left, top, right, bottom = box
            kind, points = "polygon", polygon(box)
            if number % 2:
                kind, points = "rectangle", [(right, bottom), (left, top)]
            shapes.append({"label": label, "points": points, "shape_type": kind})
        content = {"version": "5.4.1", "shapes": shapes, "imagePath": f"{scene.name}.png"}
        content.update(imageData=None, imageHeight=HEIGHT, imageWidth=WIDTH)
        write_json(root / f"{scene.name}.json", content)


def bits(value, count):
    return [value >> k & 1 for k in reversed(range(count))]


def brush(mask):
    """Label Studio's, of a mask bool (H, W): runs of one value, and single ones."""
    values = np.repeat(mask.ravel() * 255, 4).tolist()
    stream = bits(len(values), 32) + bits(7, 5)
    for size in (3, 4, 8, 16):
        stream += bits(size - 1, 4)
    start = 0
    while start < len(values):
        end = start
        while end < len(values) and values[end] == values[start]:
            end += 1
        if end - start <= 8:  # written one by one
            stream += [0, 0, 0, *bits(end - start - 1, 3)]
            for value in values[start:end]:
                stream += bits(value, 8)
        else:
            stream += [1, 1, 1, *bits(end - start - 1, 16), *bits(values[start], 8)]
        start = end
    return np.packbits(stream).tolist()


def label_studio_region(number, label, box):
    """Polygons, rectangles and brushes take turns."""
    left, top, right, bottom = box
    per_cent = [(100 * x / WIDTH, 100 * y / HEIGHT) for x, y in polygon(box)]
    (x, y), _, (end_x, end_y), _ = per_cent
    values = [
        ("polygonlabels", {"points": per_cent, "closed": True}),
        ("rectanglelabels", {"x": x, "y": y, "width": end_x - x, "height": end_y - y}),
        ("rectanglelabels", {"x": end_x, "y": y}),
        ("brushlabels", {"format": "rle", "rle": brush(box_mask(box))}),
    ]
    kind, value = values[number % 4]
    if number % 4 == 2:  # a quarter turn about its first corner
        value["width"], value["height"] = (
            (bottom - top) / WIDTH * 100,
            (right - left) / HEIGHT * 100,
        )
        value["rotation"] = 90
    value[kind] = [label]
    region = {"type": kind, "value": value, "original_width": WIDTH, "original_height": HEIGHT}
    return {**region, "image_rotation": 0, "id": "x", "from_name": "a", "to_name": "image"}


def label_studio(root):
    """Every second image has the name that the upload gave it; a task is unfinished."""
    tasks = []
    for number, (_, scene) in enumerate(each()):
        uploaded = f"{number:08x}-photo {scene.name}.png"
        name = uploaded if number % 2 else f"photo {scene.name}.png"
        save(root / "images" / name, scene.image)
        result = []
        for label, box in zip(NAMES[1:], scene.boxes, strict=True):
            result.append(label_studio_region(number, label, box))
        address = f"/data/upload/1/{uploaded}".replace(" ", "%20")
        annotation = {"id": number, "was_cancelled": False, "result": result}
        task = {"id": number, "data": {"image": address}, "annotations": [annotation]}
        tasks.append(task)
    tasks.append({"id": 99, "data": {"image": "/data/upload/1/other.png"}, "annotations": []})
    write_json(root / "project-1-at-2024.json", tasks)
