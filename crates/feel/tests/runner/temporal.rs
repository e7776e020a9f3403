//! Dates, times and durations, as timers use them too.

use feel::{Environment, TimeZone};

/// 2026-01-31T10:00:00Z.
const NOW: i64 = 1_769_853_600_000;
const DAY: i64 = 86_400_000;

#[track_caller]
fn ends(duration: &str, expected: Option<i64>) {
    let end = feel::parse_duration(duration).and_then(|duration| duration.duration_end(NOW));
    assert_eq!(end, expected, "{duration}");
}

#[test]
fn durations_end() {
    ends("PT5M", Some(NOW + 300_000));
    ends("-PT1S", Some(NOW - 1000));
    ends("PT0S", Some(NOW));
    ends("PT0.25S", Some(NOW + 250));
    ends("P1DT1H", Some(NOW + DAY + 3_600_000));
    ends("P2W", Some(NOW + 14 * DAY));
    ends("P1M", Some(NOW + 28 * DAY));
    ends("P1Y", Some(NOW + 365 * DAY));
    ends("-P1Y1M", Some(NOW - 396 * DAY));
}

#[test]
fn other_texts_are_no_durations() {
    for text in [
        "",
        "soon",
        "P",
        "PT",
        "P1DT",
        "P1M2D",
        "PT5",
        "5M",
        "P1.5D",
        "PT1M1H",
        "P99999999999Y",
    ] {
        ends(text, None);
    }
    ends("PT9999999999999H", None);
}

#[track_caller]
fn instant(text: &str, expected: Option<i64>) {
    let instant = feel::parse_date_time(text).and_then(|at| at.instant_ms());
    assert_eq!(instant, expected, "{text}");
}

#[test]
fn dates_and_times_have_instants() {
    instant("2026-01-31T10:00:00Z", Some(NOW));
    instant("2026-01-31T10:00Z", Some(NOW));
    instant("2026-01-31T12:00:00+02:00", Some(NOW));
    instant("2026-01-31T11:00:00@Europe/Berlin", Some(NOW));
    instant("2026-01-31T11:00:00+01:00[Europe/Berlin]", Some(NOW));
    instant("2026-01-31T10:00:00", Some(NOW));
    instant("2026-01-31T10:00:00.250Z", Some(NOW + 250));
    instant("2026-01-31", Some(NOW - 36_000_000));
}

#[test]
fn other_texts_are_no_dates_and_times() {
    for text in [
        "",
        "tomorrow",
        "2026-02-30T10:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:59:60Z",
        "2026-01-31T10:00:00+19:00",
        "2026-01-31T10:00:00@Nowhere/Land",
        "2026-01-31T10:00:00Z[",
        "2026-1-31T10:00:00Z",
        "2026-01-31T10:00:00Zé",
        "é026-01-31",
    ] {
        instant(text, None);
    }
}

#[test]
fn the_clock_and_its_zone_come_from_the_environment() {
    let now = feel::parse_expression("[string(now()), string(today())]").unwrap();
    let seen = |env: &Environment| now.evaluate(&(), env).result.unwrap().to_string();
    let utc = Environment::utc(NOW + 13 * 3_600_000);
    assert_eq!(seen(&utc), r#"["2026-01-31T23:00:00Z", "2026-01-31"]"#);
    let berlin = Environment {
        time_zone: TimeZone::named("Europe/Berlin").unwrap(),
        ..utc
    };
    assert_eq!(
        seen(&berlin),
        r#"["2026-02-01T00:00:00@Europe/Berlin", "2026-02-01"]"#
    );
    let offset = Environment {
        time_zone: TimeZone::named("+02:00").unwrap(),
        ..utc
    };
    assert_eq!(
        seen(&offset),
        r#"["2026-02-01T01:00:00+02:00", "2026-02-01"]"#
    );
    assert_eq!(TimeZone::named("europe/berlin"), None);
    assert_eq!(TimeZone::named("Nowhere"), None);
}

#[test]
fn a_clock_out_of_range_is_a_failure() {
    let now = feel::parse_expression("now()").unwrap();
    let failure = now
        .evaluate(&(), &Environment::utc(i64::MAX))
        .result
        .unwrap_err();
    assert_eq!(
        failure.message,
        "failed to evaluate expression 'now()': the clock is out of range"
    );
}

#[track_caller]
fn check(expression: &str, value: &str) {
    super::check(expression, "{}", value, &[]);
}

#[test]
fn daylight_saving_shifts_local_times() {
    check(
        r#"date and time("2026-03-29T02:30:00@Europe/Berlin")"#,
        "2026-03-29T03:30:00@Europe/Berlin",
    );
    check(
        r#"date and time("2026-10-25T02:30:00@Europe/Berlin") + duration("PT1H")"#,
        "2026-10-25T02:30:00@Europe/Berlin",
    );
    check(r#"time("10:00:00@Europe/Berlin").time offset"#, "PT1H");
    check(r#"time("10:00:00@Australia/Sydney").time offset"#, "PT10H");
}

#[test]
fn durations_of_hours_don_t_lose_days() {
    check(r#"duration("P60D") / 2"#, "P30D");
    check(r#"duration("P1Y") / 2"#, "P6M");
    check(r#"duration("PT36H")"#, "P1DT12H");
    check(r#"duration("PT1.5S") + duration("PT1.5S")"#, "PT3S");
}

#[test]
fn results_beyond_the_calendar_are_failures() {
    for expression in [
        r#"date("9999-12-31") + duration("P1D")"#,
        r#"date("9999-12-31") + duration("P1M")"#,
        r#"date and time("9999-12-30T21:00:00Z") + duration("PT2H")"#,
        r#"duration("P100000000000000D") * 2000000000"#,
        r#"duration("P178956970Y") * 2"#,
    ] {
        let failure = super::evaluate(expression, "{}").result.unwrap_err();
        assert!(
            failure.message.contains("out of range"),
            "{expression}: {}",
            failure.message
        );
    }
}
