//! Files in memory that can lose what was not synced, be full, and refuse.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::super::files::{Files, LogFile};

#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
    /// Creations and removals since the directory was synced.
    unsynced_names: Vec<(String, Option<usize>)>,
    /// How many bytes more may be written; none is as many as you like.
    room: Option<u64>,
    syncs_to_fail: u32,
    syncs: u32,
    gate_closed: bool,
    waiting_at_gate: bool,
}

#[derive(Debug, Default)]
struct Inode {
    data: Vec<u8>,
    safe: Vec<u8>,
    /// Writes and changes of length since the last sync.
    unsynced: Vec<Operation>,
}

#[derive(Debug, Clone)]
enum Operation {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Operation {
    fn apply(&self, data: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                if data.len() < offset + bytes.len() {
                    data.resize(offset + bytes.len(), 0);
                }
                data[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => data.resize(*length, 0),
        }
    }
}

impl Disk {
    /// What is left when the power goes: what was synced, and of the rest anything. Writes reach the disk in pieces and
    /// in any order; names in theirs.
    pub(super) fn after_power_loss(&self, random: &mut fastrand::Rng) -> Self {
        let state = self.state();
        let mut left = State {
            names: state.safe_names.clone(),
            ..State::default()
        };
        let survives = random.usize(..=state.unsynced_names.len());
        for (name, inode) in &state.unsynced_names[..survives] {
            match inode {
                Some(inode) => drop(left.names.insert(name.clone(), *inode)),
                None => drop(left.names.remove(name)),
            }
        }
        for inode in &state.inodes {
            let mut data = inode.safe.clone();
            for operation in &inode.unsynced {
                for piece in pieces(operation) {
                    if random.u8(..4) > 0 {
                        piece.apply(&mut data);
                    }
                }
            }
            left.inodes.push(Inode {
                safe: data.clone(),
                data,
                unsynced: Vec::new(),
            });
        }
        left.safe_names.clone_from(&left.names);
        let shared = Shared {
            state: Mutex::new(left),
            opened: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A disk with the same content, on which everything is safe.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::default();
        let state = self.state();
        for (name, inode) in &state.names {
            copy.put(name, state.inodes[*inode].data.clone());
        }
        copy
    }

    pub(super) fn put(&self, name: &str, data: Vec<u8>) {
        let mut state = self.state();
        let number = state.inodes.len();
        state.inodes.push(Inode {
            safe: data.clone(),
            data,
            unsynced: Vec::new(),
        });
        state.names.insert(name.to_owned(), number);
        state.safe_names.insert(name.to_owned(), number);
    }

    pub(super) fn get(&self, name: &str) -> Vec<u8> {
        self.read(name).unwrap()
    }

    pub(super) fn size(&self) -> usize {
        let state = self.state();
        state
            .names
            .values()
            .map(|inode| state.inodes[*inode].data.len())
            .sum()
    }

    pub(super) fn set_room(&self, room: Option<u64>) {
        self.state().room = room;
    }

    pub(super) fn fail_syncs(&self, count: u32) {
        self.state().syncs_to_fail = count;
    }

    pub(super) fn syncs(&self) -> u32 {
        self.state().syncs
    }

    /// Syncs of files wait from now on.
    pub(super) fn close_gate(&self) {
        self.state().gate_closed = true;
    }

    pub(super) fn open_gate(&self) {
        self.state().gate_closed = false;
        self.shared.opened.notify_all();
    }

    /// Waits until a sync waits.
    pub(super) fn wait_for_sync(&self) {
        let mut state = self.state();
        while !state.waiting_at_gate {
            state = self.shared.opened.wait(state).unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }
}

fn pieces(operation: &Operation) -> Vec<Operation> {
    match operation {
        Operation::Write(offset, data) => data
            .chunks(61)
            .enumerate()
            .map(|(index, chunk)| Operation::Write(offset + index * 61, chunk.to_vec()))
            .collect(),
        Operation::Length(_) => vec![operation.clone()],
    }
}

impl Files for Disk {
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let mut state = self.state();
        if state.room == Some(0) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let number = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(name.to_owned(), number);
        state.unsynced_names.push((name.to_owned(), Some(number)));
        Ok(Box::new(DiskFile {
            disk: self.clone(),
            number,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let number = *self
            .state()
            .names
            .get(name)
            .ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(DiskFile {
            disk: self.clone(),
            number,
        }))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        let number = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.inodes[number].data.clone())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.unsynced_names.push((name.to_owned(), None));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.safe_names = state.names.clone();
        state.unsynced_names.clear();
        Ok(())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn available(&self) -> io::Result<u64> {
        Ok(self.state().room.unwrap_or(u64::MAX))
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("/disk").join(name)
    }
}

#[derive(Debug)]
struct DiskFile {
    disk: Disk,
    number: usize,
}

impl DiskFile {
    fn apply(&self, state: &mut State, operation: Operation) {
        let inode = &mut state.inodes[self.number];
        operation.apply(&mut inode.data);
        inode.unsynced.push(operation);
    }
}

impl LogFile for DiskFile {
    /// As far as there is room.
    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let room = state.room.unwrap_or(u64::MAX);
        let fits = data.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let offset = usize::try_from(offset).unwrap();
        self.apply(&mut state, Operation::Write(offset, data[..fits].to_vec()));
        if let Some(room) = &mut state.room {
            *room -= fits as u64;
        }
        if fits < data.len() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let length = usize::try_from(length).unwrap();
        self.apply(&mut state, Operation::Length(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        while state.gate_closed {
            state.waiting_at_gate = true;
            self.disk.shared.opened.notify_all();
            state = self.disk.shared.opened.wait(state).unwrap();
        }
        state.waiting_at_gate = false;
        if state.syncs_to_fail > 0 {
            state.syncs_to_fail -= 1;
            return Err(io::Error::other("the disk says no"));
        }
        state.syncs += 1;
        let inode = &mut state.inodes[self.number];
        inode.safe.clone_from(&inode.data);
        inode.unsynced.clear();
        Ok(())
    }
}
