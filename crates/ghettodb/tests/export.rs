//! Export: what the files hold, and that NDJSON and CSV come back as the same records.

use crate::support::{Origin, command, open, record, timeless, transact};
use ghettodb::{
    Error, Export, ExportFormat, ExportTo, Exported, Import, ImportFormat, ImportMode, Record,
};
use serde_json::{Value, json};

fn fill(origin: &Origin, records: &[(&str, Value)]) {
    transact(&mut open(&origin.local()), |tx| {
        for (table, value) in records {
            tx.insert(table, record(value.clone()))?;
        }
        Ok(())
    });
}

fn export(
    origin: &Origin,
    format: ExportFormat,
    tables: &[&str],
    to: ExportTo<'_>,
) -> Result<Exported, Error> {
    let tables: Vec<String> = tables.iter().map(|table| table.to_string()).collect();
    let mut database = open(&origin.url());
    let snapshot = database.snapshot().unwrap();
    let export = Export {
        tables: &tables,
        format,
        force: false,
        branch: database.branch(),
    };
    snapshot.export(&export, to, &mut Err)
}

fn text(origin: &Origin, format: ExportFormat, table: &str) -> String {
    let mut out = Vec::new();
    export(origin, format, &[table], ExportTo::Stream(&mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

fn all(origin: &Origin, table: &str) -> Vec<Record> {
    open(&origin.local())
        .snapshot()
        .unwrap()
        .all(table)
        .unwrap()
}

/// A random value, of those that are easily taken for another one.
fn random_value(random: &mut fastrand::Rng, depth: usize) -> Value {
    let texts = [
        "",
        " ",
        "a,b",
        "say \"x\"",
        "\"",
        "line\r\nline",
        "1.10",
        "null",
        "[1]",
        "=1+1",
        "\u{e9}",
        "0123",
        "{}",
        "\\",
        "a.b",
    ];
    let numbers = ["1.10", "12345678901234567890", "-0", "1E5", "0.1e+2"];
    match random.u8(..if depth < 3 { 8 } else { 5 }) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => ghettodb::parse_json(numbers[random.usize(..numbers.len())]).unwrap(),
        3..=4 => texts[random.usize(..texts.len())].into(),
        5 => (0..random.usize(..3))
            .map(|_| random_value(random, depth + 1))
            .collect(),
        _ => random_record(random, depth + 1).into(),
    }
}

fn random_record(random: &mut fastrand::Rng, depth: usize) -> Record {
    let names = ["a", "b", "a.b", "c\\", "", "=d", "\u{e9}\"", "e,f"];
    (0..random.usize(..4))
        .map(|_| {
            (
                names[random.usize(..names.len())].to_owned(),
                random_value(random, depth),
            )
        })
        .collect()
}

#[test]
fn what_is_exported_as_text_comes_back_as_it_was() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let origin = Origin::new();
    let records: Vec<(&str, Value)> = (0..200)
        .map(|n| {
            let mut record = random_record(&mut random, 0);
            record.insert("_id".to_owned(), format!("r{n}").into());
            ("t", record.into())
        })
        .collect();
    fill(&origin, &records);
    for (exported, imported) in [
        (ExportFormat::Ndjson, ImportFormat::Ndjson),
        (ExportFormat::Csv, ImportFormat::Csv),
    ] {
        let copy = Origin::new();
        let import = Import {
            table: "t",
            format: imported,
            mode: ImportMode::Insert,
            key: None,
            file: "export",
        };
        let text = text(&origin, exported, "t");
        open(&copy.local())
            .import(&import, &mut text.as_bytes())
            .unwrap();
        // As JSON texts where the order of fields is kept, so that spelling counts.
        if exported == ExportFormat::Ndjson {
            let texts = |origin| {
                timeless(all(origin, "t"))
                    .iter()
                    .map(Value::to_string)
                    .collect::<Vec<_>>()
            };
            assert_eq!(texts(&copy), texts(&origin));
        }
        assert_eq!(
            timeless(all(&copy, "t")),
            timeless(all(&origin, "t")),
            "{exported:?}"
        );
    }
}

#[test]
fn ndjson_is_a_record_a_line() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/b.json", "{\"n\": 1.10,\n \"x\": [1, {}]}"),
        ("100644", "db/t/a.json", "{\"_id\": \"a\"}"),
    ]);
    assert_eq!(
        text(&origin, ExportFormat::Ndjson, "t"),
        "{\"_id\":\"a\"}\n{\"_id\":\"b\",\"n\":1.10,\"x\":[1,{}]}\n"
    );
}

#[test]
fn csv_has_a_column_for_each_field() {
    let origin = Origin::new();
    origin.commit(&[
        (
            "100644",
            "db/t/a.json",
            r#"{"at": {"city": "Ulm", "zip": "89073"}, "_id": "a", "n": null}"#,
        ),
        (
            "100644",
            "db/t/b.json",
            r#"{"n": 1.10, "formula": "=SUM(A1)", "at": {"city": "x, \"y\""}, "tags": ["a"]}"#,
        ),
    ]);
    assert_eq!(
        text(&origin, ExportFormat::Csv, "t"),
        "_id,at.city,at.zip,n,formula,tags\na,Ulm,\"\"\"89073\"\"\",null,,\nb,\"x, \"\"y\"\"\",,1.10,=SUM(A1),\"[\"\"a\"\"]\"\n"
    );
}

#[test]
fn several_tables_are_files_of_a_folder() {
    let origin = Origin::new();
    fill(
        &origin,
        &[
            ("a", json!({"_id": "1"})),
            ("b", json!({"_id": "2"})),
            ("b", json!({"_id": "3"})),
        ],
    );
    let folder = origin.folder().join("deep/export");
    let exported = export(&origin, ExportFormat::Ndjson, &[], ExportTo::Path(&folder)).unwrap();
    assert_eq!(exported.tables, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    assert_eq!(
        exported.files,
        [folder.join("a.ndjson"), folder.join("b.ndjson")]
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("b.ndjson"))
            .unwrap()
            .lines()
            .count(),
        2
    );
    // One named table is one file.
    let file = folder.join("one.csv");
    export(&origin, ExportFormat::Csv, &["a"], ExportTo::Path(&file)).unwrap();
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("_id,_updated\n1,")
    );
    let count = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(count, 3, "no drafts are left");
}

#[track_caller]
fn refused(outcome: Result<Exported, Error>, expected: &str) {
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(matches!(error, Error::Usage(_)), "{error:?}");
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let origin = Origin::new();
    fill(
        &origin,
        &[("a", json!({"_id": "1"})), ("b", json!({"_id": "2"}))],
    );
    let mut out = Vec::new();
    refused(
        export(&origin, ExportFormat::Csv, &[], ExportTo::Stream(&mut out)),
        "2 tables do not fit into one stream",
    );
    refused(
        export(
            &origin,
            ExportFormat::Sqlite,
            &["a"],
            ExportTo::Stream(&mut out),
        ),
        "with --output",
    );
    refused(
        export(
            &origin,
            ExportFormat::Csv,
            &["c"],
            ExportTo::Stream(&mut out),
        ),
        "there is no table \"c\"",
    );
    let folder = origin.folder().join("out");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("b.csv"), "mine").unwrap();
    refused(
        export(&origin, ExportFormat::Csv, &[], ExportTo::Path(&folder)),
        "b.csv\" is there already; --force replaces it",
    );
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(
        std::fs::read_to_string(folder.join("b.csv")).unwrap(),
        "mine"
    );
    assert!(out.is_empty());
}

#[test]
fn a_table_is_exported_as_it_was() {
    let origin = Origin::new();
    fill(&origin, &[("t", json!({"_id": "a", "n": 1}))]);
    fill(&origin, &[("t", json!({"_id": "b", "n": 2}))]);
    let export = |at: &str| {
        let repo = origin.local();
        let args = [
            "export", "--repo", &repo, "--format", "csv", "--table", "t", "--at", at,
        ];
        let done = command(&args).output().unwrap();
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(0), "{stderr}");
        String::from_utf8(done.stdout).unwrap().lines().count() - 1
    };
    assert_eq!(export("main"), 2);
    assert_eq!(export("main~1"), 1);
}

#[test]
fn a_broken_record_ends_an_export_or_is_skipped() {
    let origin = Origin::new();
    origin.commit(&[
        ("100644", "db/t/a.json", "{}"),
        ("100644", "db/t/b.json", "{\n<<<<<<< x"),
    ]);
    let output = origin.folder().join("t.ndjson");
    let repo = origin.local();
    for format in ["ndjson", "csv", "sqlite"] {
        let args = [
            "export",
            "--repo",
            &repo,
            "--format",
            format,
            "--table",
            "t",
            "--output",
            output.to_str().unwrap(),
        ];
        let done = command(&args).output().unwrap();
        assert_eq!(done.status.code(), Some(1));
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert!(
            stderr.starts_with("ghettodb: db/t/b.json:2:1: a conflict marker"),
            "{stderr}"
        );
        assert!(!output.exists());
        let done = command(&[&args[..], &["--skip-bad"]].concat())
            .output()
            .unwrap();
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert_eq!(
            (done.status.code(), stderr.lines().count()),
            (Some(0), 1),
            "{stderr}"
        );
        assert!(
            stderr.starts_with("ghettodb: skipped: db/t/b.json:2:1: "),
            "{stderr}"
        );
        let result: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(
            result,
            json!({"commit": origin.tip(), "tables": {"t": 1}, "files": [output]})
        );
        std::fs::remove_file(&output).unwrap();
    }
}

#[test]
fn the_command_prints_one_table() {
    let origin = Origin::new();
    origin.commit(&[("100644", "db/t/a.json", "{}")]);
    let args = [
        "export",
        "--repo",
        &origin.local(),
        "--format",
        "ndjson",
        "--table",
        "t",
    ];
    let output = command(&args).output().unwrap();
    assert_eq!(output.stdout, b"{\"_id\":\"a\"}\n");
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &[] as &[u8])
    );
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::*;
    use rusqlite::Connection;
    use rusqlite::types::Value as Cell;
    use std::path::Path;

    fn rows(file: &Path, sql: &str) -> Vec<Vec<Cell>> {
        let connection = Connection::open(file).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|index| row.get(index)).collect());
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn texts(file: &Path, sql: &str) -> Vec<String> {
        let show = |cell: Cell| match cell {
            Cell::Null => "null".to_owned(),
            Cell::Integer(n) => format!("i {n}"),
            Cell::Real(n) => format!("r {n}"),
            Cell::Text(text) => format!("t {text}"),
            Cell::Blob(_) => "blob".to_owned(),
        };
        let row = |row: Vec<Cell>| row.into_iter().map(show).collect::<Vec<_>>().join(" | ");
        rows(file, sql).into_iter().map(row).collect()
    }

    #[test]
    fn values_keep_what_they_are() {
        let origin = Origin::new();
        let a = r#"{"whole": 1, "part": 1.10, "mixed": 1, "big": 12345678901234567890, "flag": true, "text": "1", "odd \"name": {"a": [1.10]}, "none": null, "spelled": 1.0, "wide": 9007199254740993, "both": 9007199254740993}"#;
        let b = r#"{"whole": -9223372036854775808, "part": 2, "mixed": "x", "big": 1, "flag": false, "text": "é", "later": 1e2, "wide": 1, "both": 0.5}"#;
        origin.commit(&[
            ("100644", "db/t/a.json", a),
            ("100644", "db/t/b.json", b),
            ("100644", "db/u/x.json", "{}"),
        ]);
        let file = origin.folder().join("x.sqlite");
        let exported = export(&origin, ExportFormat::Sqlite, &[], ExportTo::Path(&file)).unwrap();
        assert_eq!(exported.tables, [("t".to_owned(), 2), ("u".to_owned(), 1)]);
        assert_eq!(
            texts(&file, "SELECT name, type, pk FROM pragma_table_info('t')"),
            [
                "t _id | t TEXT | i 1",
                "t whole | t INTEGER | i 0",
                "t part | t REAL | i 0",
                "t mixed | t TEXT | i 0",
                "t big | t TEXT | i 0",
                "t flag | t INTEGER | i 0",
                "t text | t TEXT | i 0",
                "t odd \"name | t TEXT | i 0",
                "t none | t TEXT | i 0",
                "t spelled | t INTEGER | i 0",
                "t wide | t INTEGER | i 0",
                "t both | t TEXT | i 0",
                "t later | t INTEGER | i 0",
            ]
        );
        assert_eq!(
            texts(&file, "SELECT * FROM t ORDER BY _id"),
            [
                "t a | i 1 | r 1.1 | t 1 | t 12345678901234567890 | i 1 | t 1 | t {\"a\":[1.10]} | null | i 1 | i 9007199254740993 | t 9007199254740993 | null",
                "t b | i -9223372036854775808 | r 2 | t x | t 1 | i 0 | t é | null | null | null | i 1 | t 0.5 | i 100",
            ]
        );
        assert_eq!(
            texts(&file, "SELECT \"commit\", branch FROM _export"),
            [format!("t {} | t main", origin.tip())]
        );
        assert_eq!(texts(&file, "PRAGMA integrity_check"), ["t ok"]);
        refused(
            export(&origin, ExportFormat::Sqlite, &[], ExportTo::Path(&file)),
            "is there already; --force replaces it",
        );
        let args = [
            "export",
            "--repo",
            &origin.local(),
            "--format",
            "sqlite",
            "--output",
            file.to_str().unwrap(),
            "--force",
            "--table",
            "u",
        ];
        assert!(command(&args).output().unwrap().status.success());
        assert_eq!(
            texts(&file, "SELECT name FROM sqlite_schema WHERE type = 'table'"),
            ["t _export", "t u"]
        );
    }

    #[test]
    fn what_sqlite_cannot_hold_is_refused() {
        let origin = Origin::new();
        origin.commit(&[
            ("100644", "db/t/a.json", r#"{"Name": 1, "name": 2}"#),
            ("100644", "db/_export/a.json", "{}"),
            ("100644", "db/sqlite_x/a.json", "{}"),
        ]);
        let file = origin.folder().join("x.sqlite");
        let check = |table: &str, expected: &str| {
            refused(
                export(
                    &origin,
                    ExportFormat::Sqlite,
                    &[table],
                    ExportTo::Path(&file),
                ),
                expected,
            );
            assert!(!file.exists());
        };
        check("t", "fields \"Name\" and \"name\" differ only by case");
        check("_export", "has the name of the one that says where");
        check(
            "sqlite_x",
            "SQLite cannot hold table \"sqlite_x\": object name reserved",
        );
    }

    #[test]
    fn an_empty_database_is_an_empty_database() {
        let origin = Origin::new();
        let file = origin.folder().join("x.sqlite");
        let exported = export(&origin, ExportFormat::Sqlite, &[], ExportTo::Path(&file)).unwrap();
        assert_eq!(exported.tables, []);
        assert_eq!(texts(&file, "SELECT \"commit\" FROM _export"), ["null"]);
    }
}
