//! Ends that a crash left unfinished, and damage that is none of them.

use super::disk::Disk;
use super::*;

const FILE: &str = "0000000001.log";

/// A disk whose only file holds a queue and three messages, each in its own frame; where the frames end.
fn three_messages() -> (Disk, Vec<usize>) {
    let disk = Disk::default();
    let mut open = Open::new(&disk, calm());
    let mut ends = Vec::new();
    let ticket = open.batch([queue("q")]);
    open.committed(ticket);
    ends.push(disk.get(FILE).len());
    for (position, body) in [b"one", b"two", b"six"].into_iter().enumerate() {
        let ticket = open.batch([enqueued("q", position as u64, body)]);
        open.committed(ticket);
        ends.push(disk.get(FILE).len());
    }
    drop(open);
    (disk, ends)
}

fn with(disk: &Disk, file: &str, data: &[u8]) -> Disk {
    let copy = disk.copy();
    copy.put(file, data.to_vec());
    copy
}

#[test]
fn a_torn_tail_is_cut_off_at_any_byte_and_reported() {
    let (disk, ends) = three_messages();
    let whole = disk.get(FILE);
    for length in ends[0]..=whole.len() {
        let torn = with(&disk, FILE, &whole[..length]);
        let open = Open::new(&torn, calm());
        let good = *ends.iter().rfind(|end| **end <= length).unwrap();
        let left = ends.iter().filter(|end| **end <= length).count() - 1;
        assert_eq!(
            bodies(&open.changes, "q"),
            &["one", "two", "six"][..left],
            "cut at {length}"
        );
        match &open.report.torn {
            None => assert_eq!(length, good),
            Some(report) => {
                assert_eq!(report.offset, good as u64);
                assert_eq!(report.bytes, (length - good) as u64);
                assert!(report.bytes > 0 && report.file.ends_with(FILE));
            }
        }
        // It goes on behind the cut.
        let mut open = open;
        let ticket = open.batch([enqueued("q", 9, b"more")]);
        open.committed(ticket);
        drop(open);
        let again = Open::new(&torn, calm());
        assert_eq!(again.report.torn, None);
        assert_eq!(bodies(&again.changes, "q").len(), left + 1);
        assert_eq!(bodies(&again.changes, "q").last().unwrap(), "more");
    }
}

#[test]
fn a_tail_of_anything_is_cut_off() {
    let (disk, ends) = three_messages();
    let whole = disk.get(FILE);
    for tail in [
        vec![0; 4096],
        vec![0xFF; 100],
        whole[ends[1]..ends[2]].to_vec(),
        whole.clone(),
    ] {
        let torn = with(&disk, FILE, &[whole.as_slice(), &tail].concat());
        let open = Open::new(&torn, calm());
        assert_eq!(bodies(&open.changes, "q").len(), 3);
        assert_eq!(open.report.torn.as_ref().unwrap().bytes, tail.len() as u64);
    }
}

#[test]
fn damage_is_an_error_that_names_the_file_and_the_way_out() {
    let (disk, ends) = three_messages();
    let whole = disk.get(FILE);
    for place in 0..ends[2] {
        let mut data = whole.clone();
        data[place] ^= 0x40;
        let damaged = with(&disk, FILE, &data);
        let refused = Open::try_new(&damaged, calm()).unwrap_err();
        let StoreError::Damaged { offset, .. } = &refused else {
            panic!("{place}: {refused}")
        };
        assert!(*offset <= place as u64);
        let text = refused.to_string();
        assert!(
            text.contains(FILE) && text.contains("truncate -s"),
            "{text}"
        );
        // Nothing was changed.
        assert_eq!(damaged.get(FILE), data);
        // The way out, for what stands behind the header.
        if *offset > 0 {
            let length = usize::try_from(*offset).unwrap();
            let rescued = with(&disk, FILE, &data[..length]);
            drop(Open::new(&rescued, calm()));
        }
    }
    // In the last frame damage cannot be told from an unfinished write.
    for place in ends[2]..ends[3] {
        let mut data = whole.clone();
        data[place] ^= 0x40;
        let open = Open::new(&with(&disk, FILE, &data), calm());
        assert_eq!(bodies(&open.changes, "q"), ["one", "two"]);
        assert!(open.report.torn.is_some());
    }
}

#[test]
fn a_body_that_looks_like_a_frame_is_none() {
    let (disk, ends) = three_messages();
    let frame = disk.get(FILE)[ends[2]..ends[3]].to_vec();
    let mut open = Open::new(&disk, calm());
    // The publisher cannot know the salt of the file that its message will stand in: here that of another store.
    let (other, _) = three_messages();
    let foreign = other.get(FILE)[ends[2]..ends[3]].to_vec();
    let ticket = open.batch([enqueued("q", 5, &[frame, foreign].concat())]);
    open.committed(ticket);
    drop(open);
    let whole = disk.get(FILE);
    let open = Open::new(&with(&disk, FILE, &whole[..whole.len() - 1]), calm());
    assert!(open.report.torn.is_some());
    assert_eq!(bodies(&open.changes, "q").len(), 3);
}

#[test]
fn a_file_that_was_just_begun_is_no_damage() {
    let (disk, _) = three_messages();
    let header = disk.get(FILE)[..28].to_vec();
    for length in 0..28 {
        let begun = with(&disk, "0000000002.log", &header[..length]);
        let open = Open::new(&begun, calm());
        assert_eq!(bodies(&open.changes, "q").len(), 3);
        assert_eq!(open.report.torn.as_ref().unwrap().offset, 0);
    }
    // One that says that it follows another is.
    let refused = Open::try_new(&with(&disk, "0000000002.log", &header), calm()).unwrap_err();
    assert!(matches!(refused, StoreError::Missing { .. }), "{refused}");
}

#[test]
fn a_missing_file_is_noticed() {
    let disk = Disk::default();
    let mut open = Open::new(
        &disk,
        StoreOptions {
            file_size: 500,
            ..calm()
        },
    );
    open.batch([queue("q")]);
    for position in 0..20 {
        let ticket = open.batch([enqueued("q", position, &[1; 200])]);
        open.committed(ticket);
    }
    drop(open);
    let shortened = with(&disk, "0000000002.log", &{
        let data = disk.get("0000000002.log");
        data[..data.len() - 1].to_vec()
    });
    let refused = Open::try_new(&shortened, calm()).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    super::super::files::Files::remove(&disk, "0000000003.log").unwrap();
    let refused = Open::try_new(&disk, calm()).unwrap_err();
    let StoreError::Missing { file } = &refused else {
        panic!("{refused}")
    };
    assert!(file.ends_with("0000000003.log"), "{refused}");
}
