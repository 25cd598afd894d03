//! Samples of bytes in a file on disk, for data sets larger than memory: written once, read row by row from any thread.
//!
//! The file is the library's own: what came from outside has been decoded and checked when it is written. It has no name
//! while it is used (where the system allows that), so that nothing is left behind by a run that was killed.

use super::cache_folder;
use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};

/// Batches that wait to be read ahead; one more is being read.
const AHEAD: usize = 2;

/// Rows of equally many bytes in a file without a name.
#[derive(Debug)]
pub struct StoredBytes {
    file: Arc<Rows>,
    ahead: OnceLock<SyncSender<Vec<usize>>>,
    failed: Mutex<Option<io::Error>>,
}

/// The file and where its rows begin.
#[derive(Debug)]
struct Rows {
    file: File,
    path: PathBuf,
    width: usize,
    /// Where a position cannot be given with a read, only one thread may move it.
    #[cfg(not(unix))]
    turn: Mutex<()>,
}

impl StoredBytes {
    /// An empty file for rows of `width` bytes, in the user's cache folder (that of temporary files without one).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(width: usize) -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let folder = cache_folder().unwrap_or_else(std::env::temp_dir);
        let name = format!("samples-{}-{}.bytes", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let path = folder.join(name);
        let io = |source| Error::Io { path: path.clone(), source };
        fs::create_dir_all(&folder).map_err(io)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(io)?;
        if cfg!(unix) {
            fs::remove_file(&path).map_err(io)?;
        }
        let rows = Rows {
            file,
            path,
            width,
            #[cfg(not(unix))]
            turn: Mutex::new(()),
        };
        Ok(StoredBytes { file: Arc::new(rows), ahead: OnceLock::new(), failed: Mutex::new(None) })
    }

    /// Writes a row; rows may be written in any order, by any thread.
    ///
    /// # Errors
    /// [`Error::Io`], when the disk is full for one.
    pub fn put(&self, row: usize, bytes: &[u8]) -> Result<()> {
        self.file.put(row, bytes).map_err(|source| Error::Io { path: self.file.path.clone(), source })
    }

    /// Reads a row. Whether it could be read; what was wrong is kept for [`StoredBytes::failure`].
    pub fn get(&self, row: usize, bytes: &mut [u8]) -> bool {
        let read = self.file.get(row, bytes);
        read.map_err(|error| self.failed.lock().expect("no panic while it is held").get_or_insert(error).kind()).is_ok()
    }

    /// What went wrong first with reading, once.
    pub fn failure(&self) -> Option<Error> {
        let source = self.failed.lock().expect("no panic while it is held").take()?;
        Some(Error::Io { path: self.file.path.clone(), source })
    }

    /// Has another thread read these rows soon, so that the system has them in memory when they are wanted. Does nothing when
    /// that thread is behind.
    pub fn ahead(&self, rows: &[usize]) {
        let sender = self.ahead.get_or_init(|| {
            let (sender, receiver) = sync_channel::<Vec<usize>>(AHEAD);
            let file = Arc::clone(&self.file);
            // It ends when the sender is dropped.
            std::thread::spawn(move || {
                let mut bytes = vec![0; file.width];
                for row in receiver.into_iter().flatten() {
                    // Who wants the row is told what is wrong with it.
                    let _ = file.get(row, &mut bytes);
                }
            });
            sender
        });
        let _ = sender.try_send(rows.to_vec());
    }
}

impl Rows {
    #[cfg(unix)]
    fn put(&self, row: usize, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, row as u64 * self.width as u64)
    }

    #[cfg(unix)]
    fn get(&self, row: usize, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, row as u64 * self.width as u64)
    }

    #[cfg(not(unix))]
    fn put(&self, row: usize, bytes: &[u8]) -> io::Result<()> {
        use std::io::{Seek, Write};
        let (_turn, mut file) = (self.turn.lock().expect("no panic while it is held"), &self.file);
        file.seek(io::SeekFrom::Start(row as u64 * self.width as u64))?;
        file.write_all(bytes)
    }

    #[cfg(not(unix))]
    fn get(&self, row: usize, bytes: &mut [u8]) -> io::Result<()> {
        use std::io::{Read, Seek};
        let (_turn, mut file) = (self.turn.lock().expect("no panic while it is held"), &self.file);
        file.seek(io::SeekFrom::Start(row as u64 * self.width as u64))?;
        file.read_exact(bytes)
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        if !cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Inputs, Target};

    /// Three samples of two bytes: 0 10, 1 11, 2 12; the first and the last are part of the set.
    fn set() -> (Dataset<f32>, Arc<StoredBytes>) {
        let bytes = Arc::new(StoredBytes::create(2).unwrap());
        for row in [2, 0, 1] {
            bytes.put(row, &[row as u8, row as u8 + 10]).unwrap();
        }
        let rows = [0, 2].into();
        let inputs = Inputs::Stored { bytes: Arc::clone(&bytes), rows, shape: vec![2, 2], divisor: 2.0 };
        (Dataset::new("stored", inputs, Target::classes(vec![0, 1]), 2).unwrap(), bytes)
    }

    #[test]
    fn stored_samples_are_gathered_selected_and_reshaped_like_others() {
        let (data, _) = set();
        data.inputs.ahead(&[1, 0]);
        assert_eq!(data.gather(&[1, 0]).0, crate::tensor(&[2, 2], vec![1.0, 6.0, 0.0, 5.0]));
        let last = data.select(&[1]).reshape_samples(&[1, 2]).unwrap();
        assert_eq!(last.gather(&[0]).0, crate::tensor(&[1, 1, 2], vec![1.0, 6.0]));
        assert!(data.inputs.failure().is_none());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told() {
        let (data, bytes) = set();
        bytes.file.file.set_len(4).unwrap();
        let (x, _) = data.gather(&[0, 1]);
        assert_eq!(x[[0, 1]], 5.0);
        assert!(x[[1, 0]].is_nan());
        let error = data.inputs.failure().unwrap().to_string();
        assert!(error.contains("samples-"), "{error}");
        assert!(data.inputs.failure().is_none());
    }
}
