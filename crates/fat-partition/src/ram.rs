//! A volume in memory for tests on the host, made and read by another implementation of FAT.

extern crate std;

use std::cell::{Cell, RefCell};
use std::io::{Cursor, Read};
use std::ops::Range;
use std::rc::Rc;
use std::vec::Vec;

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

use crate::{SECTOR, Sectors};

/// Bytes of the volume. The library knows FAT16 and FAT32; smaller volumes are FAT12.
pub const VOLUME: usize = 16 << 20;

/// The volume as its foreign maker has it open.
pub type Foreign<'a> = FileSystem<&'a mut Cursor<Vec<u8>>>;

/// A partition in memory. Copies are the same partition.
#[derive(Clone, Debug, Default)]
pub struct Ram {
    /// What it holds.
    pub bytes: Rc<RefCell<Vec<u8>>>,
    failing: Rc<RefCell<Range<u64>>>,
    frozen: Rc<Cell<bool>>,
    requests: Rc<Cell<u64>>,
    flushes: Rc<Cell<u32>>,
}

impl Ram {
    /// A partition of zeros.
    #[must_use]
    pub fn zeroed() -> Self {
        let ram = Self::default();
        *ram.bytes.borrow_mut() = std::vec![0; VOLUME];
        ram
    }

    /// A formatted volume that `fill` puts files on.
    ///
    /// # Panics
    /// The other implementation fails.
    #[must_use]
    pub fn formatted(fill: impl FnOnce(&Foreign<'_>)) -> Self {
        let mut bytes = Cursor::new(std::vec![0; VOLUME]);
        fatfs::format_volume(&mut bytes, FormatVolumeOptions::new()).expect("room for a volume");
        let volume = FileSystem::new(&mut bytes, FsOptions::new()).expect("a volume");
        fill(&volume);
        volume.unmount().expect("a volume");
        let ram = Self::default();
        *ram.bytes.borrow_mut() = bytes.into_inner();
        ram
    }

    /// What it holds now, as the other implementation reads it.
    ///
    /// # Panics
    /// It is no volume.
    #[must_use]
    pub fn reread(&self) -> FileSystem<Cursor<Vec<u8>>> {
        FileSystem::new(Cursor::new(self.bytes.borrow().clone()), FsOptions::new()).expect("a volume")
    }

    /// The content of a file, as the other implementation reads it.
    ///
    /// # Panics
    /// There is no such file.
    #[must_use]
    pub fn content(&self, path: &str) -> Vec<u8> {
        let volume = self.reread();
        let mut content = Vec::new();
        let mut file = volume.root_dir().open_file(path).expect("a file");
        file.read_to_end(&mut content).expect("all of it");
        content
    }

    /// Of the requests from now, those with these numbers fail; instead of what was said before.
    pub fn fail(&self, numbers: Range<u64>) {
        let now = self.requests.get();
        *self.failing.borrow_mut() = now.saturating_add(numbers.start)..now.saturating_add(numbers.end);
    }

    /// From now, writes are answered and not done.
    pub fn freeze(&self) {
        self.frozen.set(true);
    }

    /// Requests so far: the only time that passes here.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Flushes that were done.
    #[must_use]
    pub fn flushes(&self) -> u32 {
        self.flushes.get()
    }

    fn request(&self) -> Result<(), u8> {
        let number = self.requests.replace(self.requests.get() + 1);
        if self.failing.borrow().contains(&number) {
            Err(1)
        } else {
            Ok(())
        }
    }
}

impl Sectors for Ram {
    fn count(&self) -> u64 {
        (VOLUME / SECTOR) as u64
    }
    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), u8> {
        self.request()?;
        data.copy_from_slice(&self.bytes.borrow()[first as usize * SECTOR..][..data.len()]);
        Ok(())
    }
    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u8> {
        self.request()?;
        if !self.frozen.get() {
            self.bytes.borrow_mut()[first as usize * SECTOR..][..data.len()].copy_from_slice(data);
        }
        Ok(())
    }
    fn flush(&mut self) -> Result<(), u8> {
        self.request()?;
        self.flushes.set(self.flushes.get() + 1);
        Ok(())
    }
}
