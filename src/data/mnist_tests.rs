//! Finding and loading MNIST, on small made files and on the real ones where they are.

use super::*;

fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(data);
    file
}

/// Writes a set of two training images and ten test images whose labels are those of `set`.
fn write_set(folder: &Path, set: Mnist) {
    std::fs::create_dir_all(folder).unwrap();
    let images = |count: u32| idx(&[count, 28, 28], &(0..count * 784).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let contents = [images(2), idx(&[2], &[3, 9]), images(10), idx(&[10], &set.first_test_labels())];
    for (name, content) in MNIST_FILES.iter().zip(contents) {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

#[test]
fn the_named_folder_comes_before_the_folder_itself() {
    let root = tempfile::tempdir().unwrap();
    let folders = [root.path().to_path_buf()];
    assert_eq!(Mnist::Digits.find_in(&folders), None);
    write_set(root.path(), Mnist::Digits);
    assert_eq!(Mnist::Digits.find_in(&folders).unwrap().folder, root.path());
    write_set(&root.path().join("mnist"), Mnist::Digits);
    assert_eq!(Mnist::Digits.find_in(&folders).unwrap().folder, root.path().join("mnist"));
}

#[test]
fn folders_are_asked_in_order_and_three_files_are_not_a_set() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folders = [first.path().to_path_buf(), second.path().to_path_buf()];
    write_set(second.path(), Mnist::Fashion);
    assert_eq!(Mnist::Fashion.find_in(&folders).unwrap().folder, second.path());
    write_set(first.path(), Mnist::Fashion);
    assert_eq!(Mnist::Fashion.find_in(&folders).unwrap().folder, first.path());
    std::fs::remove_file(first.path().join(MNIST_FILES[1])).unwrap();
    assert_eq!(Mnist::Fashion.find_in(&folders).unwrap().folder, second.path());
}

#[test]
fn one_set_is_not_taken_for_the_other() {
    let root = tempfile::tempdir().unwrap();
    write_set(root.path(), Mnist::Fashion);
    let folders = [root.path().to_path_buf()];
    assert_eq!(Mnist::Digits.find_in(&folders), None);
    assert!(Mnist::Fashion.find_in(&folders).is_some());
}

#[test]
fn images_stay_bytes_and_stand_for_quotients() {
    let root = tempfile::tempdir().unwrap();
    write_set(&root.path().join("mnist"), Mnist::Digits);
    let (train, test) = Mnist::Digits.load::<f32>(Some(root.path())).unwrap();
    assert_eq!((train.len(), test.len(), train.sample_shape()), (2, 10, &[1, 28, 28][..]));
    assert!(matches!(train.inputs, Inputs::Bytes { .. }));
    let (x, target) = train.gather(&[1]);
    assert_eq!(x[[0, 0, 0, 3]], 34.0 / 255.0); // byte 784 + 3 = 787 is 3 · 251 + 34
    assert_eq!(target, Target::classes(vec![9]));
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let cases: [(usize, Vec<u8>, &str); 3] = [
        (0, idx(&[2, 27, 28], &[0; 2 * 27 * 28]), "wants images of shape (n, 28, 28), got (2, 27, 28)"),
        (1, idx(&[3], &[0; 3]), "wants (2,), one label for each image, got (3,)"),
        (1, idx(&[2], &[4, 10]), "wants labels from 0 to 9, got 10 for image 1"),
    ];
    for (file, content, words) in cases {
        let root = tempfile::tempdir().unwrap();
        write_set(root.path(), Mnist::Digits);
        std::fs::write(root.path().join(MNIST_FILES[file]), content).unwrap();
        let error = Mnist::Digits.load::<f32>(Some(root.path())).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(MNIST_FILES[file]), "{error}");
    }
}

#[test]
fn the_error_says_which_files_to_put_where() {
    let error = Mnist::Fashion.absent(&["/some/data".into(), "/cache/limpide".into()]).to_string();
    for name in MNIST_FILES {
        assert!(error.contains(name), "{error}");
    }
    assert!(error.starts_with(&Path::new("/some/data").join("fashion-mnist").display().to_string()), "{error}");
    assert!(error.contains("limpide data fetch fashion-mnist") && error.contains("/cache/limpide"), "{error}");
}

/// The folder with the real files, for the tests that want them: `$LIMPIDE_DATA`, else beside the project.
fn real_files(set: Mnist) -> Option<MnistFiles> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folders: Vec<PathBuf> =
        std::env::var_os("LIMPIDE_DATA").map(PathBuf::from).into_iter().chain([beside]).collect();
    let files = set.find_in(&folders);
    if files.is_none() {
        eprintln!("skipped: {set} is neither in $LIMPIDE_DATA nor in ../shared");
    }
    files
}

#[test]
fn the_real_files_are_whole() {
    use sha2::{Digest, Sha256};
    for set in Mnist::ALL {
        let Some(files) = real_files(set) else { continue };
        let (train, test) = files.load::<f32>().unwrap();
        assert_eq!((train.len(), test.len()), (60_000, 10_000));
        let labels: Vec<u8> = test.targets.labels().unwrap().iter().map(|&label| label as u8).collect();
        assert_eq!(labels[..10], set.first_test_labels());
        let hash: String = Sha256::digest(idx(&[10_000], &labels)).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, set.sha256()[3]);
    }
}
