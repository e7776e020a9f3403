//! Repeating intervals.

use bpmn::timer::parse_cycle;

#[track_caller]
fn check(text: &str, repetitions: i32, interval: &str) {
    let cycle = parse_cycle(text).unwrap();
    assert_eq!(cycle.repetitions, repetitions);
    assert_eq!(Some(cycle.interval), feel::parse_duration(interval));
    assert_eq!(cycle.start, None);
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let error = parse_cycle(text).unwrap_err();
    assert!(
        error.contains(&format!("'{text}'")) && error.contains(why),
        "{error}"
    );
}

#[test]
fn cycles() {
    check("R3/PT10S", 3, "PT10S");
    check("R/P1D", -1, "P1D");
    check("R1/P1M", 1, "P1M");
    check(" R2147483647/PT1S ", i32::MAX, "PT1S");
    let cycle = parse_cycle("R2/2026-01-01T10:00:00Z/PT1H").unwrap();
    assert_eq!(cycle.start, feel::parse_date_time("2026-01-01T10:00:00Z"));
    assert_eq!(
        (cycle.repetitions, Some(cycle.interval)),
        (2, feel::parse_duration("PT1H"))
    );
}

#[test]
fn no_cycles() {
    refused("", "must start with 'R'");
    refused("PT10S", "must start with 'R'");
    refused("R3", "'/'");
    refused("R-1/PT1S", "must be a number");
    refused("R+1/PT1S", "must be a number");
    refused("R2147483648/PT1S", "too large");
    refused("R3/soon", "no duration");
    refused("R3/", "no duration");
    refused("R3/soon/PT1S", "no date and time");
    refused("R3/PT1S/PT1S", "no date and time");
}
