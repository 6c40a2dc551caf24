//! Reading ahead: the FAT library asks for a sector at a time, and each request costs far more than the sectors behind it.

use crate::{SECTOR, Sectors};

/// Sectors of a piece, which are read by one request; a page of a session's data region.
const PIECE: usize = 8;
/// Pieces that are kept: of the table of clusters, of a directory, and of files that are read by turns.
const PIECES: usize = 4;

/// Whole pieces of a partition, the last few of which are kept. What is written goes to the partition at once, and into what is kept.
#[derive(Debug)]
pub struct Ahead<S> {
    sectors: S,
    pieces: [Piece; PIECES],
    /// Counts uses.
    time: u64,
}

#[derive(Debug)]
struct Piece {
    /// Its number in the partition.
    number: Option<u64>,
    /// When it was used last.
    used: u64,
    bytes: [u8; PIECE * SECTOR],
}

impl<S: Sectors> Ahead<S> {
    /// Over a partition that nobody else writes.
    pub fn new(sectors: S) -> Self {
        let piece = || Piece {
            number: None,
            used: 0,
            bytes: [0; PIECE * SECTOR],
        };
        Self {
            sectors,
            pieces: core::array::from_fn(|_| piece()),
            time: 0,
        }
    }

    /// The piece with this number. `None`: it could not be read, or is not whole.
    fn piece(&mut self, number: u64) -> Option<&mut Piece> {
        self.time += 1;
        let known = self.pieces.iter().position(|piece| piece.number == Some(number));
        let index = match known {
            Some(index) => index,
            None => self.fetch(number)?,
        };
        let piece = self.pieces.get_mut(index)?;
        piece.used = self.time;
        Some(piece)
    }

    /// Reads a piece in place of the one that was not used for longest.
    fn fetch(&mut self, number: u64) -> Option<usize> {
        let first = number.checked_mul(PIECE as u64)?;
        if first.checked_add(PIECE as u64)? > self.sectors.count() {
            return None;
        }
        let pieces = self.pieces.iter_mut().enumerate();
        let (index, piece) = pieces.min_by_key(|(_, piece)| piece.used)?;
        piece.number = None;
        self.sectors.read(first, &mut piece.bytes).ok()?;
        piece.number = Some(number);
        Some(index)
    }
}

/// Piece of a sector, and where in it the sector lies.
fn place(sector: u64) -> (u64, usize) {
    let at = (sector % PIECE as u64) as usize * SECTOR;
    (sector / PIECE as u64, at)
}

impl<S: Sectors> Sectors for Ahead<S> {
    fn count(&self) -> u64 {
        self.sectors.count()
    }

    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), u8> {
        for (sector, target) in (first..).zip(data.chunks_mut(SECTOR)) {
            let (number, at) = place(sector);
            match self.piece(number) {
                Some(piece) => target.copy_from_slice(&piece.bytes[at..at + target.len()]),
                // That a neighbour cannot be read is no reason to fail.
                None => self.sectors.read(sector, target)?,
            }
        }
        Ok(())
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u8> {
        let written = self.sectors.write(first, data);
        for (sector, source) in (first..).zip(data.chunks(SECTOR)) {
            let (number, at) = place(sector);
            let kept = self.pieces.iter_mut().find(|piece| piece.number == Some(number));
            let Some(piece) = kept else { continue };
            match written {
                Ok(()) => piece.bytes[at..at + source.len()].copy_from_slice(source),
                // Nobody knows what is there now.
                Err(_) => piece.number = None,
            }
        }
        written
    }

    fn flush(&mut self) -> Result<(), u8> {
        self.sectors.flush()
    }
}
