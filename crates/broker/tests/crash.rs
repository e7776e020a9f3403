//! The log after a crash: cut at every byte, with every byte damaged, with syncs that failed.
//!
//! The log under test is that of a real engine, written in memory.

use broker::log::frame::HEADER_BYTES;
use broker::log::snapshot::{self, Snapshot};
use broker::log::{Error, Reader, Recovered, recover, segment_name};
use broker::storage::{Memory, Storage as _};
use engine::command::{CreateInstance, PublishMessage, Resource};
use engine::{Batch, Command, Engine, Position, Record, Timestamp};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The one segment of the log under test is cut to this size: small, so that thousands of
/// recoveries are quick.
const SEGMENT_BYTES: usize = 12 * 1024;

fn reopen(storage: &Memory) -> Result<Recovered, Error> {
    recover(
        Arc::new(storage.clone()),
        Arc::new(AtomicU64::new(u64::MAX)),
    )
}

/// What a small shop would ask of the engine.
fn commands() -> Vec<Command> {
    let resource = Resource {
        name: "wait.bpmn".into(),
        content: crate::support::one_message("wait", "GOT")
            .into_bytes()
            .into(),
    };
    let mut commands = vec![Command::Deploy(vec![resource])];
    for number in 0..4 {
        let id: Arc<str> = format!("\"order-{number}\"").into();
        commands.push(Command::CreateInstance(CreateInstance {
            bpmn_process_id: "wait".into(),
            version: -1,
            variables: vec![("_id".into(), id)],
            ..Default::default()
        }));
        commands.push(Command::PublishMessage(PublishMessage {
            name: "GOT".into(),
            correlation_key: format!("order-{number}").into(),
            message_id: Arc::from(""),
            time_to_live_ms: 1000,
            variables: vec![("stock_level".into(), "5".into())],
        }));
    }
    commands
}

/// Runs commands, one batch each: the records of each batch, and the state's hash after it.
fn run(engine: &mut Engine, commands: Vec<Command>) -> Vec<(Vec<Record>, Vec<u8>)> {
    let mut out = Batch::default();
    let mut batches = Vec::new();
    for (number, command) in commands.into_iter().enumerate() {
        let now = Timestamp(1_800_000_000_000 + number as i64 * 7);
        engine.process(command, now, &mut out);
        out.activatable.clear();
        batches.push((std::mem::take(&mut out.records), engine.snapshot()));
    }
    batches
}

/// A log of some batches, where each frame lies in its file, and the last position and the state
/// after it.
struct Written {
    bytes: Vec<u8>,
    frames: Vec<Range<usize>>,
    positions: Vec<u64>,
    states: Vec<Vec<u8>>,
}

fn write() -> Written {
    let storage = Memory::default();
    let Recovered {
        mut engine,
        mut writer,
        ..
    } = reopen(&storage).unwrap();
    let mut at = 0;
    let mut written = Written {
        bytes: Vec::new(),
        frames: Vec::new(),
        positions: vec![0],
        states: vec![engine.snapshot()],
    };
    for (records, state) in run(&mut engine, commands()) {
        let size = writer.append(&records).unwrap() as usize;
        written.frames.push(at..at + size);
        at += size;
        written.positions.push(records.last().unwrap().position.0);
        written.states.push(state);
    }
    written.bytes = storage.content(&segment_name(Position(1))).unwrap();
    written.bytes.truncate(SEGMENT_BYTES);
    assert!(at < SEGMENT_BYTES, "the log under test fits: {at}");
    written
}

fn storage_of(bytes: Vec<u8>) -> Memory {
    let storage = Memory::default();
    storage.set_content(&segment_name(Position(1)), bytes);
    storage
}

/// Checks that exactly the first `frames` frames are recovered, and that the log can go on.
#[track_caller]
fn check_recovered(written: &Written, storage: &Memory, frames: usize, what: &str) {
    let recovered = reopen(storage).unwrap_or_else(|error| panic!("{what}: {error}"));
    let position = recovered.engine.last_position().0;
    assert_eq!(position, written.positions[frames], "{what}");
    assert!(
        recovered.engine.snapshot() == written.states[frames],
        "{what}: another state"
    );
    let Recovered {
        mut engine,
        mut writer,
        ..
    } = recovered;
    let (records, state) = run(&mut engine, commands()).remove(0);
    writer.append(&records).unwrap();
    let again = reopen(storage).unwrap();
    assert!(
        again.engine.snapshot() == state,
        "{what}: what came after it was lost"
    );
}

#[test]
fn a_log_cut_at_any_byte_holds_exactly_the_whole_frames_before_the_cut() {
    let written = write();
    let end = written.frames.last().unwrap().end;
    for cut in 0..=end {
        let mut bytes = written.bytes.clone();
        bytes[cut..].fill(0);
        // A frame is whole if the cut took nothing of it but zeros.
        let whole = written
            .frames
            .iter()
            .take_while(|frame| bytes[(*frame).clone()] == written.bytes[(*frame).clone()])
            .count();
        check_recovered(
            &written,
            &storage_of(bytes),
            whole,
            &format!("cut at byte {cut}"),
        );
    }
}

#[test]
fn a_file_that_ends_early_holds_exactly_the_whole_frames_before_its_end() {
    let written = write();
    for (whole, frame) in written.frames.iter().enumerate() {
        for end in [
            frame.start,
            frame.start + 1,
            frame.start + HEADER_BYTES,
            frame.end - 1,
        ] {
            let storage = storage_of(written.bytes[..end].to_vec());
            let recovered = reopen(&storage).unwrap();
            let position = recovered.engine.last_position().0;
            assert_eq!(position, written.positions[whole], "ends at byte {end}");
        }
    }
}

#[test]
fn a_damaged_byte_is_never_overlooked_and_never_cuts_good_frames() {
    let written = write();
    let last = written.frames.len() - 1;
    for (number, frame) in written.frames.iter().enumerate() {
        for at in frame.clone() {
            let mut bytes = written.bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            let storage = storage_of(bytes.clone());
            match reopen(&storage) {
                Ok(recovered) => {
                    let position = recovered.engine.last_position().0;
                    // The zeros that fill a frame up say nothing, so nothing is lost with them.
                    let is_filler = frame.end - at < 8 && position == written.positions[last + 1];
                    let is_torn_tail = number == last && position == written.positions[last];
                    assert!(is_filler || is_torn_tail, "byte {at}: position {position}");
                }
                Err(Error::Damaged { offset, kept, .. }) => {
                    assert!(
                        number < last,
                        "byte {at}: there is nothing behind the last frame"
                    );
                    assert_eq!(offset, frame.start as u64, "byte {at}");
                    assert_eq!(kept, written.positions[number], "byte {at}");
                    let after = storage.content(&segment_name(Position(1))).unwrap();
                    assert!(after == bytes, "byte {at}: recovery changed a damaged file");
                }
                Err(error) => panic!("byte {at}: {error}"),
            }
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_loss_and_nothing_else_is_invented() {
    let storage = Memory::default();
    let Recovered {
        mut engine,
        mut writer,
        ..
    } = reopen(&storage).unwrap();
    for (records, state) in run(&mut engine, commands()) {
        writer.append(&records).unwrap();
        let after = reopen(&storage.after_power_loss()).unwrap();
        assert!(after.engine.snapshot() == state);
    }
}

#[test]
fn after_a_failed_sync_nothing_more_is_acknowledged() {
    let storage = Memory::default();
    let Recovered {
        mut engine,
        mut writer,
        ..
    } = reopen(&storage).unwrap();
    let mut batches = run(&mut engine, commands()).into_iter();
    let (records, state) = batches.next().unwrap();
    writer.append(&records).unwrap();
    storage.fail_syncs_after(0);
    let error = writer.append(&batches.next().unwrap().0).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Io {
                action: "write",
                ..
            }
        ),
        "{error}"
    );
    let after = reopen(&storage.after_power_loss()).unwrap();
    assert!(after.engine.snapshot() == state);
}

#[test]
fn a_snapshot_stands_for_the_records_before_it() {
    let written = write();
    for frames in 1..=written.frames.len() {
        let storage = storage_of(written.bytes.clone());
        let end = written.frames[frames - 1].start;
        let chain = u32::from_le_bytes(written.bytes[end + 24..end + 28].try_into().unwrap());
        let position = Position(written.positions[frames]);
        let state = written.states[frames].clone();
        let snapshot = Snapshot {
            position,
            chain,
            state,
        };
        snapshot::write(&storage, &snapshot).unwrap();
        let recovered = reopen(&storage).unwrap();
        assert_eq!(recovered.snapshot, Some(position));
        let last = *written.positions.last().unwrap();
        assert_eq!(recovered.replayed, last - position.0);
        let all = written.frames.len();
        check_recovered(
            &written,
            &storage,
            all,
            &format!("snapshot at {}", position.0),
        );
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_is_passed_over() {
    let written = write();
    let storage = storage_of(written.bytes.clone());
    for frames in [2, 4] {
        let start = written.frames[frames - 1].start;
        let chain = u32::from_le_bytes(written.bytes[start + 24..start + 28].try_into().unwrap());
        let snapshot = Snapshot {
            position: Position(written.positions[frames]),
            chain,
            state: written.states[frames].clone(),
        };
        snapshot::write(&storage, &snapshot).unwrap();
    }
    let newest = format!("{:020}.snapshot", written.positions[4]);
    let mut bytes = storage.content(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    storage.set_content(&newest, bytes);
    let recovered = reopen(&storage).unwrap();
    assert_eq!(recovered.snapshot, Some(Position(written.positions[2])));
    check_recovered(
        &written,
        &storage,
        written.frames.len(),
        "an older snapshot",
    );
}

#[test]
fn a_log_whose_beginning_is_gone_is_refused_without_a_snapshot() {
    let written = write();
    let storage = Memory::default();
    storage.set_content(&segment_name(Position(1000)), written.bytes);
    let error = reopen(&storage).err().unwrap();
    assert!(
        matches!(
            error,
            Error::Missing {
                begins: 1000,
                needed: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_segment_that_is_missing_in_the_middle_is_refused() {
    let storage = Memory::default();
    fill_segments(&storage, 3);
    let mut names = storage.list().unwrap();
    names.retain(|name| name.ends_with(".log") && name.starts_with('0'));
    names.sort();
    storage.remove(&names[1]).unwrap();
    let error = reopen(&storage).err().unwrap();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}

#[test]
fn the_log_goes_on_in_further_segments_and_is_read_across_them() {
    let storage = Memory::default();
    let (records, state) = fill_segments(&storage, 3);
    let recovered = reopen(&storage).unwrap();
    assert!(recovered.engine.snapshot() == state);
    let last = recovered.engine.last_position();
    for from in [1, 2, records.len() as u64 / 2, last.0] {
        let mut reader = Reader::new(Arc::new(storage.clone()), Position(from));
        let mut read = Vec::new();
        let next = reader.read_to(last, |batch| {
            read.extend(batch);
            true
        });
        assert_eq!(next.unwrap().0, last.0 + 1);
        assert!(read == records[from as usize - 1..], "from {from}");
    }
}

/// Writes until the log has so many segments; gives all records and the state.
fn fill_segments(storage: &Memory, segments: usize) -> (Vec<Record>, Vec<u8>) {
    let Recovered {
        mut engine,
        mut writer,
        ..
    } = reopen(storage).unwrap();
    let mut records = Vec::new();
    let large: Arc<str> = format!("\"{}\"", "x".repeat(100_000)).into();
    let mut state = Vec::new();
    let named = |storage: &Memory| {
        let names = storage.list().unwrap();
        names.iter().filter(|name| name.starts_with('0')).count()
    };
    while named(storage) < segments {
        let publish = Command::PublishMessage(PublishMessage {
            name: "LARGE".into(),
            correlation_key: Arc::from("k"),
            message_id: Arc::from(""),
            time_to_live_ms: 60_000,
            variables: vec![("text".into(), Arc::clone(&large))],
        });
        let (batch, after) = run(&mut engine, vec![publish]).remove(0);
        writer.append(&batch).unwrap();
        records.extend(batch);
        state = after;
    }
    (records, state)
}
