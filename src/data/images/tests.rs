//! Images that Pillow wrote, against what Pillow reads in them (`tests/reference/images.py`); damaged files and odd folders.

use super::*;
use crate::data::{Fit, Inputs};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

fn file(name: &str) -> Vec<u8> {
    fs::read(reference().join("images").join(name)).unwrap()
}

fn pillow() -> Value {
    serde_json::from_str(&fs::read_to_string(reference().join("images.json")).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8).collect()
}

/// The largest difference of two images.
fn apart(one: &[u8], two: &[u8]) -> u8 {
    assert_eq!(one.len(), two.len());
    one.iter().zip(two).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn images_are_what_pillow_reads() {
    let all = pillow();
    let names = all.as_object().unwrap().keys().filter(|name| !name.contains(' '));
    for name in names {
        let (wanted, content) = (&all[name], file(name));
        let picture = decode(&content).unwrap();
        assert_eq!(serde_json::json!([picture.height, picture.width]), wanted["size"], "{name}");
        let header = image_header(&content[..]).unwrap();
        assert_eq!((header.height, header.width), (picture.height, picture.width), "{name}");
        assert!(header.color || picture.channels == 1, "{name}");
        // The standard leaves the inverse cosine transform of a JPEG a rounding.
        let bound = if header.jpeg { 3 } else { 0 };
        let (grey, rgb) = (picture.clone().grey().pixels, picture.rgb().pixels);
        let (grey, rgb) = (apart(&grey, &bytes(&wanted["grey"])), apart(&rgb, &bytes(&wanted["rgb"])));
        assert!(grey <= bound && rgb <= bound, "{name}: {grey} and {rgb}");
    }
}

#[test]
fn another_size_is_what_pillow_makes_of_it() {
    let (all, picture) = (pillow(), decode(&file("grey.png")).unwrap());
    for size in [[6, 8], [5, 17], [24, 34], [12, 3], [1, 1]] {
        let wanted = bytes(&all[format!("grey.png as {}x{}", size[0], size[1])]["grey"]);
        assert_eq!(fitted(&picture, size, Fit::Stretch), wanted, "{size:?}");
    }
    assert_eq!(fitted(&picture, [6, 6], Fit::Crop), bytes(&all["grey.png cropped to 6x6"]["grey"]));
    assert_eq!(fitted(&picture, [12, 17], Fit::Crop), picture.pixels);
    // Channels come apart: the first plane is the reds.
    let colour = decode(&file("colour.png")).unwrap();
    let planes = fitted(&colour, [12, 17], Fit::Crop);
    assert_eq!(planes[..17], (0..17).map(|column| 14 * column as u8).collect::<Vec<_>>());
    assert_eq!(planes[12 * 17 + 17], 20);
}

#[test]
fn a_damaged_image_is_told_from_a_whole_one() {
    for name in ["grey.png", "palette.png", "colour.jpg", "progressive.jpeg"] {
        let whole = file(name);
        for length in 0..whole.len() - 2 {
            assert!(decode(&whole[..length]).is_err(), "{name} cut to {length} of {} bytes", whole.len());
        }
    }
    let mut flipped = file("grey.png");
    flipped[60] ^= 4;
    assert!(decode(&flipped).unwrap_err().contains("not a whole PNG image"));
    // A header that claims 60 million pixels, with its checksum.
    let mut claims = file("grey.png");
    claims[16..24].copy_from_slice(&[0, 0, 0x1e, 0, 0, 0, 0x1e, 0]);
    let error = decode(&claims).unwrap_err();
    assert!(error.contains("claims 7680x7680 pixels, which its 217 bytes cannot hold"), "{error}");
    claims[16..24].copy_from_slice(&[0xff; 8]);
    assert!(decode(&claims).unwrap_err().contains("the limit is 67108864"));
    assert!(decode(b"GIF89a").unwrap_err().contains("neither PNG nor JPEG"));
    assert!(decode(b"").unwrap_err().contains("is empty"));
}

/// Phones write a film or a second image behind the first.
#[test]
fn what_follows_a_jpeg_image_is_no_part_of_it() {
    for name in ["grey.jpg", "colour.jpg", "progressive.jpeg"] {
        let whole = file(name);
        let alone = decode(&whole).unwrap();
        let film: &[u8] = b"\0\0\0\x18ftypmp42\xff\xda\0\x08 and no end";
        for behind in [film, &whole, &[0xff, 0xda], &[0; 9]] {
            assert_eq!(decode(&[&whole, behind].concat()).unwrap(), alone, "{name}");
            // An image that was cut short has no end, though another one has.
            let cut = &whole[..whole.len() - 2];
            let error = decode(&[cut, behind].concat());
            assert!(error.is_err(), "{name}");
        }
    }
}

/// A JPEG file with a segment of EXIF whose only entry is the orientation.
fn lying(name: &str, orientation: u8, little: bool) -> Vec<u8> {
    let exif: &[u8] = match little {
        true => {
            &[b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0]].concat()
        }
        false => {
            &[b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".as_slice(), &[0, orientation, 0, 0]].concat()
        }
    };
    let (whole, length) = (file(name), (exif.len() + 2) as u16);
    [&whole[..2], &[0xff, 0xe1], &length.to_be_bytes(), exif, &whole[2..]].concat()
}

#[test]
fn a_photo_is_turned_as_its_exif_says() {
    for name in ["colour.jpg", "grey.jpg"] {
        let stored = decode(&file(name)).unwrap();
        for (orientation, little) in (0..10).flat_map(|orientation| [(orientation, true), (orientation, false)]) {
            let content = lying(name, orientation, little);
            let (seen, header) = (decode(&content).unwrap(), image_header(&content[..]).unwrap());
            assert_eq!((header.height, header.width), (seen.height, seen.width), "{orientation}");
            let size = if (5..9).contains(&orientation) { (17, 12) } else { (12, 17) };
            assert_eq!((seen.height, seen.width), size, "{orientation}");
            let corner = |picture: &Picture, row: usize, column: usize| {
                let at = (row * picture.width + column) * picture.channels;
                picture.pixels[at..at + picture.channels].to_vec()
            };
            // Where the first pixel of the file is seen, and the one beside it: EXIF 2.3, 4.6.4.
            let (first, beside) = match orientation {
                2 => ((0, 16), (0, 15)),
                3 => ((11, 16), (11, 15)),
                4 => ((11, 0), (11, 1)),
                5 => ((0, 0), (1, 0)),
                6 => ((0, 11), (1, 11)),
                7 => ((16, 11), (15, 11)),
                8 => ((16, 0), (15, 0)),
                _ => ((0, 0), (0, 1)),
            };
            assert_eq!(corner(&seen, first.0, first.1), corner(&stored, 0, 0), "{orientation}");
            assert_eq!(corner(&seen, beside.0, beside.1), corner(&stored, 0, 1), "{orientation}");
        }
        // A segment that ends before the two bytes of the number says nothing.
        let whole = lying(name, 6, true);
        for length in 0..32 {
            let cut =
                [&whole[..2], &[0xff, 0xe1, 0, length + 2], &whole[6..6 + length as usize], &file(name)[2..]].concat();
            assert_eq!(decode(&cut).unwrap().height, if length < 26 { 12 } else { 17 }, "{length}");
        }
    }
}

/// A folder with images of the reference by their places in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (place, name) in files {
        let path = root.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, if name.is_empty() { vec![] } else { file(name) }).unwrap();
    }
    root
}

fn error_of<T>(result: crate::Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn a_folder_is_listed_in_the_order_of_names() {
    let root = folder(&[
        ("dog/b.png", "grey.png"),
        ("dog/a.JPG", "grey.jpg"),
        ("cat/deep/er/c.jpeg", "progressive.jpeg"),
        ("cat/notes.txt", ""),
        (".hidden/x.png", "grey.png"),
        ("__MACOSX/cat/c.png", "grey.png"),
        ("dog/.y.png", "grey.png"),
    ]);
    let listed = ImageFolder::list(root.path()).unwrap();
    assert_eq!(listed.classes, ["cat", "dog"]);
    let names: Vec<_> =
        listed.train.iter().map(|file| (file.path.strip_prefix(root.path()).unwrap(), file.class)).collect();
    let wanted = [("cat/deep/er/c.jpeg", 0), ("dog/a.JPG", 1), ("dog/b.png", 1)];
    assert_eq!(names, wanted.map(|(path, class)| (Path::new(path), class)));
    assert_eq!((listed.others.len(), &listed.validation, &listed.test), (1, &None, &None));
    assert_eq!((listed.others[0].ends_with("cat/notes.txt"), &listed.loose), (true, &Vec::new()));
    let (files, others) = image_files(root.path()).unwrap();
    assert_eq!((files.len(), others), (3, listed.others));
}

#[test]
fn parts_on_top_are_parts() {
    let grey = "grey.png";
    let root =
        folder(&[("train/a/1.png", grey), ("train/b/1.png", grey), ("test/b/2.png", grey), ("val/a/3.png", grey)]);
    let listed = ImageFolder::list(root.path()).unwrap();
    let classes =
        |files: &Option<Vec<ImageFile>>| files.as_ref().unwrap().iter().map(|file| file.class).collect::<Vec<_>>();
    assert_eq!((listed.train.len(), classes(&listed.test), classes(&listed.validation)), (2, vec![1], vec![0]));
    fs::create_dir(root.path().join("test/bb")).unwrap();
    let error = error_of(ImageFolder::list(root.path()));
    assert!(error.contains("bb: is of a class that the training part has not; did you mean b?"), "{error}");
}

#[test]
fn parts_are_found_by_their_names_in_any_letters() {
    let grey = "grey.png";
    let root = folder(&[
        ("Train/a/1.png", grey),
        ("Train/b/1.png", grey),
        ("TEST/b/2.png", grey),
        ("Val/a/3.png", grey),
        ("Val/4.png", grey),
        ("extra/a/6.png", grey),
        ("__MACOSX/a/7.png", grey),
        ("5.JPG", grey),
    ]);
    let listed = ImageFolder::list(root.path()).unwrap();
    assert_eq!((listed.classes.as_slice(), listed.train.len()), (["a", "b"].map(String::from).as_slice(), 2));
    assert_eq!((listed.validation.unwrap().len(), listed.test.unwrap().len()), (1, 1));
    // Images beside the folders of classes are told.
    let loose: Vec<_> = listed.loose.iter().map(|path| path.strip_prefix(root.path()).unwrap()).collect();
    assert_eq!(loose, ["5.JPG", "Val/4.png"].map(Path::new));
    assert_eq!(listed.unused, [root.path().join("extra")]);
}

#[test]
fn parts_that_cannot_be_used_are_told() {
    let grey = "grey.png";
    let list = |files: &[&str]| {
        let files: Vec<_> = files.iter().map(|file| (*file, if file.ends_with("png") { grey } else { "" })).collect();
        ImageFolder::list(folder(&files).path())
    };
    for alone in [&["val/a/1.png", "test/a/1.png"][..], &["cat/1.png", "dog/1.png", "Test/1.png"]] {
        let error = error_of(list(alone));
        assert!(error.contains("is named as a part is, and no folder train lies beside it"), "{error}");
    }
    assert_eq!(list(&["valid/1.png", "invalid/1.png"]).unwrap().classes, ["invalid", "valid"]);
    let both = error_of(list(&["train/a/1.png", "train/b/1.png", "val/a/1.png", "Valid/a/1.png"]));
    assert!(both.contains("has Valid and val, which are names of the same part"), "{both}");
    let empty = error_of(list(&["train/a/1.png", "train/b/1.png", "test/a/notes.txt"]));
    assert!(empty.contains("test: holds no image") && empty.contains("wants some as a/1.png"), "{empty}");
    let unsorted = error_of(list(&["train/a/1.png", "train/b/1.png", "test/1.png", "test/2.png"]));
    assert!(unsorted.contains("test: holds images (2) in no folder of a class"), "{unsorted}");
    let others = error_of(list(&["1.heic", "2.heic"]));
    assert!(others.contains("got no image but 2 other files, 1.heic the first"), "{others}");
    let others = error_of(list(&["cat/1.png", "dog/1.heic"]));
    assert!(others.contains("dog: holds no image (png, jpg, jpeg) but the other file 1.heic"), "{others}");
}

#[test]
fn folders_that_are_no_data_are_refused() {
    let list = |files: &[(&str, &str)]| error_of(ImageFolder::list(folder(files).path()));
    assert!(list(&[]).contains("wants a folder for each class with its images, such as cat/1.png"));
    assert!(list(&[]).contains("got nothing"));
    assert!(list(&[("1.png", "grey.png"), ("2.png", "grey.png")]).contains("got 2 images in no folder of a class"));
    assert!(list(&[("cat/1.png", "grey.png")]).contains("has one class, cat, and at least two are wanted"));
    let empty = list(&[("cat/1.png", "grey.png"), ("dog/readme.txt", "")]);
    assert!(empty.contains("dog: holds no image") && empty.contains("remove the folder or fill it"), "{empty}");
    assert!(matches!(ImageFolder::list(Path::new("no/such")), Err(crate::Error::Io { .. })));
    assert!(
        error_of(image_files(folder(&[("a.txt", "")]).path()))
            .contains("no image (png, jpg, jpeg) but the other file a.txt")
    );
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_up_is_refused() {
    let root = folder(&[("cat/1.png", "grey.png"), ("dog/1.png", "grey.png")]);
    std::os::unix::fs::symlink(root.path(), root.path().join("dog/up")).unwrap();
    let error = error_of(ImageFolder::list(root.path()));
    assert!(error.contains("does a link lead back up?"), "{error}");
}

/// Twenty files in two classes; the fourth is cut short, the ninth is text.
fn some_bad() -> (tempfile::TempDir, Vec<PathBuf>) {
    let names: Vec<String> = (0..20).map(|i| format!("{}/{i:02}.png", if i < 10 { "cat" } else { "dog" })).collect();
    let root = folder(&names.iter().map(|name| (name.as_str(), "grey.png")).collect::<Vec<_>>());
    fs::write(root.path().join("cat/03.png"), &file("grey.png")[..150]).unwrap();
    fs::write(root.path().join("cat/08.png"), "hello").unwrap();
    let files = names.iter().map(|name| root.path().join(name)).collect();
    (root, files)
}

#[test]
fn a_corrupt_file_is_named_and_skipped_when_asked() {
    let (root, files) = some_bad();
    let options = ImageOptions::default();
    assert!(error_of(survey(&files, &options)).contains("08.png: is neither PNG nor JPEG"));
    let skip = ImageOptions { skip_bad: true, ..options.clone() };
    let seen = survey(&files, &skip).unwrap();
    assert_eq!((seen.bad.len(), seen.color), (1, false));
    let filled = seen.fill(&skip, root.path()).unwrap();
    assert_eq!((filled.size, filled.color), (Some([12, 17]), Some(Color::Grey)));
    for threads in [1, 4] {
        let set = load_images(&files, &filled, threads).unwrap();
        assert_eq!(set.inputs.shape(), [18, 1, 12, 17]);
        let bad: Vec<_> = set.bad.iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(bad, [files[3].clone(), files[8].clone()]);
        assert_eq!(set.files[..4], [0, 1, 2, 4]);
        let strict = ImageOptions { skip_bad: false, ..filled.clone() };
        let error = error_of(load_images(&files, &strict, threads));
        assert!(error.contains("03.png: is not a whole PNG image") && error.contains("--skip-bad"), "{error}");
    }
    let all_bad = error_of(load_images(&files[8..9], &filled, 1));
    assert!(all_bad.contains("at least one that can be decoded") && all_bad.contains("08.png"), "{all_bad}");
}

#[test]
fn on_disk_and_in_memory_are_the_same_samples() {
    let (_root, files) = some_bad();
    let color = Some(Color::Rgb);
    let memory = ImageOptions { size: Some([600, 1000]), color, skip_bad: true, ..ImageOptions::default() };
    let disk = ImageOptions { memory_mib: 1, ..memory.clone() };
    let (memory, disk) = (load_images(&files[..6], &memory, 2).unwrap(), load_images(&files[..6], &disk, 2).unwrap());
    assert!(matches!((&memory.inputs, &disk.inputs), (Inputs::Bytes { .. }, Inputs::Stored { .. })));
    assert_eq!(memory.files, disk.files);
    assert_eq!(memory.inputs.gather(&[4, 0, 2]), disk.inputs.gather(&[4, 0, 2]));
}

#[test]
fn images_get_the_size_that_most_have() {
    let root = folder(&[("a/1.png", "grey.png"), ("a/2.png", "grey.png"), ("b/1.png", "grey.png")]);
    let small = {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 3);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&[9; 18]).unwrap();
        bytes
    };
    fs::write(root.path().join("b/2.png"), small).unwrap();
    let (files, _) = image_files(root.path()).unwrap();
    let options = ImageOptions::default();
    let filled = survey(&files, &options).unwrap().fill(&options, root.path()).unwrap();
    assert_eq!((filled.size, filled.color), (Some([12, 17]), Some(Color::Rgb)));
    let options = ImageOptions { size: Some([4, 4]), ..options };
    let filled = survey(&files, &options).unwrap().fill(&options, root.path()).unwrap();
    assert_eq!(load_images(&files, &filled, 2).unwrap().inputs.shape(), [4, 3, 4, 4]);
    for size in [[0, 4], [4, 5000]] {
        assert!(error_of(ImageOptions { size: Some(size), ..options.clone() }.check()).contains("each 1 to 4096"));
    }
    let nothing = Survey::default();
    let options = ImageOptions::default();
    assert!(error_of(nothing.fill(&options, root.path())).contains("holds no image that can be read"));
}

/// Sizes with their number of files, and the size that all get.
#[test]
fn photos_get_a_size_that_a_network_can_bear() {
    type Files = ([usize; 2], usize);
    let cases: [(&[Files], [usize; 2]); 9] = [
        // Prepared by somebody.
        (&[([256, 200], 7)], [256, 200]),
        // 200 becomes 64, and 257 · 64 / 200 = 82.2.
        (&[([257, 200], 7)], [82, 64]),
        (&[([3000, 4000], 7)], [64, 85]),
        (&[([60, 2000], 7)], [60, 2000]),
        (&[([28, 28], 6), ([29, 28], 5)], [28, 28]),
        // The shorter sides are 40, 50, 80, and 40, 50, 50, 80.
        (&[([100, 80], 1), ([50, 200], 1), ([40, 60], 1)], [50, 50]),
        (&[([100, 80], 1), ([50, 200], 2), ([40, 60], 1)], [50, 50]),
        // None has more than half.
        (&[([300, 400], 2), ([3000, 4000], 2)], [64, 64]),
        (&[([48, 64], 2), ([64, 48], 2)], [48, 48]),
    ];
    for (sizes, wanted) in cases {
        let sizes = sizes.iter().map(|&(size, files)| (size, (files, PathBuf::from("a.png")))).collect();
        let survey = Survey { sizes, ..Survey::default() };
        assert_eq!(survey.size(), Some(wanted), "{survey:?}");
    }
}
