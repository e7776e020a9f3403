//! What the command refuses: each with an exit code, one line that says why, and nothing written.

use crate::support::{Origin, isolate};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const GOOD: (&str, &str, &str) = (
    "100644",
    "db/t/good.json",
    r#"{"_id": "good", "name": "good"}"#,
);

/// A database with one record, and a folder of its own to run the command in.
struct Bench {
    origin: Origin,
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let origin = Origin::new();
        origin.commit(&[GOOD, ("100644", "src/other.json", "{}")]);
        Bench {
            origin,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
        isolate(&mut command);
        command
            .env("GHETTODB_REPO", self.origin.path())
            .env_remove("GHETTODB_BRANCH")
            .current_dir(self.folder.path());
        command
    }

    /// Exit code, standard output, standard error.
    fn run(&self, mut command: Command, input: &str) -> (i32, String, String) {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may refuse its arguments before it reads.
        let written = child.stdin.take().unwrap().write_all(input.as_bytes());
        drop(written);
        let output = child.wait_with_output().unwrap();
        (
            output.status.code().expect("no signal ended it"),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// Everything that a command could have changed.
    fn state(&self) -> (String, PathBuf, usize) {
        (
            self.origin.git(&["for-each-ref"]),
            self.origin.path(),
            std::fs::read_dir(self.folder.path()).unwrap().count(),
        )
    }

    #[track_caller]
    fn refuses_command(&self, command: Command, input: &str, code: i32, expected: &str) {
        let shown = format!("{command:?}");
        let before = self.state();
        let (found, stdout, stderr) = self.run(command, input);
        assert_eq!(found, code, "{shown}: {stderr}");
        assert_eq!(stdout, "", "{shown}");
        let lines: Vec<&str> = stderr.lines().collect();
        assert!(
            lines[0].starts_with("ghettodb: ") && lines[0].contains(expected),
            "{shown}: {stderr}"
        );
        let hints = lines[1..].iter();
        assert!(
            lines.len() <= 2 && hints.clone().all(|line| line.starts_with("hint: ")),
            "{shown}: {stderr}"
        );
        assert!(
            !stderr.chars().any(|c| c.is_control() && c != '\n'),
            "{shown}: {stderr:?}"
        );
        assert_eq!(self.state(), before, "{shown}");
    }

    #[track_caller]
    fn refuses(&self, args: &[&str], code: i32, expected: &str) {
        let mut command = self.command();
        command.args(args);
        self.refuses_command(command, "", code, expected);
    }

    /// The same as the only step of a transaction, where texts may be of any length.
    #[track_caller]
    fn refuses_step(&self, step: &str, code: i32, expected: &str) {
        let mut command = self.command();
        command.args(["transaction", "--file", "-"]);
        self.refuses_command(command, &format!("[{step}]"), code, expected);
    }
}

#[test]
fn names_that_some_file_system_cannot_hold() {
    let bench = Bench::new();
    let long_table = "t".repeat(65);
    let long_id = "i".repeat(201);
    let common = [
        ("", "it is empty"),
        (".", "it must start with"),
        ("..", "it must start with"),
        ("../x", "it holds '/'"),
        ("/etc/x", "it holds '/'"),
        ("a/b", "it holds '/'"),
        ("a\\b", "it holds '\\\\'"),
        (".git", "it must start with"),
        (".GIT", "it must start with"),
        ("git~1", "it holds '~'"),
        (".g\u{200c}it", "it holds '\\u{200c}'"),
        ("a\u{200b}", "it holds '\\u{200b}'"),
        ("a\u{202e}b", "it holds '\\u{202e}'"),
        ("\u{feff}a", "it holds '\\u{feff}'"),
        ("a\nb", "it holds '\\n'"),
        ("a\u{1b}[2J", "it holds '\\u{1b}'"),
        ("a\u{7f}", "it holds '\\u{7f}'"),
        ("a:b", "it holds ':'"),
        ("a b", "it holds ' '"),
        ("a*", "it holds '*'"),
        ("caf\u{e9}", "it holds '\u{e9}'"),
        ("-x", "it must start with"),
        ("x.", "it ends with a dot"),
        ("con", "a device name on Windows"),
        ("NUL.x", "a device name on Windows"),
        ("Lpt1", "a device name on Windows"),
    ];
    for (name, reason) in common
        .iter()
        .copied()
        .chain([(long_table.as_str(), "it has 65 bytes")])
    {
        let table = format!("--table={name}");
        for args in [
            &["findone", "--query", "{}"] as &[&str],
            &["findmany", "--query", "{}"],
            &["findmany", "--query", r#"{"_id": "good"}"#],
            &["upsert", "--record", "{}"],
            &["upsert", "--record", r#"{"_id": "good"}"#],
            &["updateone", "--query", "{}", "--record", "{}"],
            &["updatemany", "--query", "{}", "--record", "{}"],
            &["deleteone", "--query", "{}"],
            &["deletemany", "--query", "{}", "--all"],
            &["droptable"],
        ] {
            bench.refuses(&[args, &[table.as_str()]].concat(), 2, reason);
        }
    }
    for (name, reason) in common
        .iter()
        .copied()
        .chain([(long_id.as_str(), "it has 201 bytes")])
    {
        let id = json!({"_id": name}).to_string();
        for args in [
            &["findone", "--query", &id] as &[&str],
            &["findmany", "--query", &id, "--skip-bad"],
            &["upsert", "--record", &id],
            &["upsert", "--query", &id, "--record", "{}"],
            &["upsert", "--query", r#"{"x": 1}"#, "--record", &id],
            &["upsert", "--query", r#"{"name": "good"}"#, "--record", &id],
            &["updateone", "--query", &id, "--record", "{}"],
            &["updatemany", "--query", "{}", "--record", &id],
            &["deleteone", "--query", &id],
            &["deletemany", "--query", &id],
        ] {
            bench.refuses(&[args, &["--table", "t"]].concat(), 2, reason);
        }
        let step = json!({"require": "absent", "table": "t", "_id": name});
        bench.refuses_step(&step.to_string(), 2, reason);
    }
    bench.origin.assert_sound();
}

#[test]
fn names_that_another_one_meets_elsewhere() {
    let bench = Bench::new();
    for (table, id) in [("t", "Good"), ("t", "GOOD"), ("T", "x")] {
        let record = json!({"_id": id}).to_string();
        let upsert = ["upsert", "--table", table, "--record", &record];
        bench.refuses(&upsert, 2, "differs from it only by case or Unicode form");
    }
    // Two of one transaction, and a file that was not made here.
    let steps = r#"{"operation": "upsert", "table": "u", "record": {"_id": "a"}},
        {"operation": "upsert", "table": "u", "record": {"_id": "A"}}"#;
    bench.refuses_step(steps, 2, "only by case");
}

#[test]
fn records_and_queries_that_are_none() {
    let bench = Bench::new();
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(128), "]".repeat(128));
    let bottomless = "[".repeat(50_000);
    for (text, reason) in [
        ("", "1:1: expected a JSON value, but the text ends here"),
        ("[]", "found an array"),
        ("1", "found a number"),
        ("\"{}\"", "found a text"),
        ("true", "found true or false"),
        ("null", "found null"),
        ("{", "1:2: expected a key"),
        ("{}{}", "1:3: expected the end of the text"),
        ("{\"a\" 1}", "1:6: expected ':'"),
        ("{\"a\": 1,}", "1:9: expected a key"),
        ("{'a': 1}", "1:2: expected a key"),
        ("{\"a\": 1 // one\n}", "1:9: expected ',' or '}'"),
        (
            "{\"a\": 1,\n \"b\": 2,\n \"a\": 3}",
            "3:2: key \"a\" stands twice",
        ),
        (
            "{\"a\": {\"b\": 1, \"\\u0062\": 2}}",
            "1:16: key \"b\" stands twice",
        ),
        ("{\"a\": NaN}", "1:7: expected a JSON value"),
        ("{\"a\": -Infinity}", "1:7: not a JSON number"),
        (
            "{\"a\": 1e400}",
            "1:7: number 1e+400 is larger than a double can hold",
        ),
        ("{\"a\": 01}", "1:7: not a JSON number"),
        ("{\"a\": +1}", "1:7: expected a JSON value"),
        ("{\"a\": 1.}", "1:7: not a JSON number"),
        ("{\"a\": \"\\ud800\"}", "1:8: half of a surrogate pair"),
        ("{\"a\": \"\\x\"}", "1:8: unknown escape"),
        ("{\"a\": \"\n\"}", "1:8: a control character"),
        ("{\"a\": \"\u{1b}\"}", "1:8: a control character"),
        ("\u{feff}{}", "1:1: expected a JSON value"),
        (deep.as_str(), "nested deeper than 128"),
        (bottomless.as_str(), "1:129: nested deeper than 128"),
    ] {
        // The number is told as it was written.
        let reason = reason.replace("1e+400", "1e400");
        let record = format!("--record={text}");
        let query = format!("--query={text}");
        for args in [
            &["upsert", record.as_str()] as &[&str],
            &["updateone", "--query={}", &record],
            &["updatemany", "--query={}", &record],
            &["findone", &query],
            &["findmany", &query],
            &["upsert", &query, "--record={}"],
            &["updateone", &query, "--record={}"],
            &["updatemany", &query, "--record={}"],
            &["deleteone", &query],
            &["deletemany", &query, "--all"],
        ] {
            bench.refuses(&[args, &["--table", "t"]].concat(), 2, &reason);
        }
    }
    for (id, reason) in [
        ("7", "it is not a text"),
        ("null", "it is not a text"),
        ("[]", "not a text"),
    ] {
        let record = format!("{{\"_id\": {id}}}");
        bench.refuses(&["upsert", "--table=t", "--record", &record], 2, reason);
        bench.refuses(&["findone", "--table=t", "--query", &record], 2, reason);
    }
    bench.refuses(
        &[
            "updateone",
            "--table=t",
            "--query={}",
            "--record",
            r#"{"_id": "other"}"#,
        ],
        2,
        "cannot change to \"other\"",
    );
}

#[test]
fn queries_that_ask_for_nothing_sensible() {
    let bench = Bench::new();
    let deep = (0..127).fold("1".to_owned(), |inner, _| format!("{{\"$not\": {inner}}}"));
    let wide = format!("{{\"a\": {{\"$regex\": \"{}\"}}}}", "(a|b)*".repeat(200));
    for (query, reason) in [
        (r#"{"$drop": 1}"#, "$drop: no such operator"),
        (r#"{"a": {"$where": "x"}}"#, "a.$where: no such operator"),
        (r#"{"a": {"$gt": 1, "b": 2}}"#, "stand side by side"),
        (
            r#"{"a\n\u001b[2J": {"$x": 1}}"#,
            r"a\n\u{1b}[2J.$x: no such operator",
        ),
        (r#"{"$and": []}"#, "the list is empty"),
        (r#"{"$or": {}}"#, "a list of conditions is expected"),
        (r#"{"$and": [1]}"#, "an object is expected"),
        (r#"{"$not": 1}"#, "an object"),
        (r#"{"a": {"$in": 1}}"#, "a list of values is expected"),
        (r#"{"a": {"$gt": {}}}"#, "a number or a text is expected"),
        (r#"{"a": {"$exists": 1}}"#, "$exists"),
        (r#"{"a": {"$regex": "("}}"#, "no regular expression"),
        (r#"{"a": {"$regex": 1}}"#, "$regex"),
        (
            r#"{"a": {"$regex": "((a{1000}){1000}){1000}"}}"#,
            "a.$regex",
        ),
        (deep.as_str(), "an object"),
    ] {
        for args in [
            &["findone"] as &[&str],
            &["findmany", "--skip-bad"],
            &["upsert", "--record={}"],
            &["updateone", "--record={}"],
            &["updatemany", "--record={}"],
            &["deleteone"],
            &["deletemany", "--all"],
        ] {
            bench.refuses(
                &[args, &["--table=t", "--query", query]].concat(),
                2,
                reason,
            );
        }
    }
    // A pattern that makes other engines try for ever is one that ends here.
    let mut command = bench.command();
    command.args(["findmany", "--table=t", "--query", &wide]);
    assert_eq!(bench.run(command, "").0, 0);
}

#[test]
fn records_beyond_the_limits() {
    let bench = Bench::new();
    let step = |text: &str| {
        format!(
            r#"{{"operation": "upsert", "table": "t", "record": {{"_id": "x", "a": "{text}"}}}}"#
        )
    };
    bench.refuses_step(
        &step(&"x".repeat(1024 * 1024)),
        2,
        "at most 1048576 are allowed",
    );
    // The frame of such a record has 62 bytes, which leaves room for this.
    let mut command = bench.command();
    command.args(["transaction", "--file", "-"]);
    let (code, _, stderr) = bench.run(
        command,
        &format!("[{}]", step(&"x".repeat(1024 * 1024 - 100))),
    );
    assert_eq!((code, stderr.as_str()), (0, ""));
    // It grows past the limit by a field that is small.
    let large = format!("{{\"b\": \"{}\"}}", "x".repeat(200));
    bench.refuses(
        &[
            "updateone",
            "--table=t",
            r#"--query={"_id": "x"}"#,
            "--record",
            &large,
        ],
        2,
        "at most 1048576 are allowed",
    );
}

#[test]
fn commands_that_make_no_sense() {
    let bench = Bench::new();
    bench.refuses(&["vacuum"], 2, "unrecognized subcommand 'vacuum'");
    bench.refuses(&["findon"], 2, "unrecognized subcommand 'findon'");
    bench.refuses(&["FINDONE", "--table", "t"], 2, "unrecognized subcommand");
    bench.refuses(&["find\none"], 2, "unrecognized subcommand");
    bench.refuses(&["\u{1b}[2J"], 2, "unrecognized subcommand");
    bench.refuses(&["findone"], 2, "--table is missing");
    bench.refuses(&["upsert", "--table", "t"], 2, "--record is missing");
    bench.refuses(&["deleteone", "--table", "t"], 2, "--query is missing");
    bench.refuses(&["deletemany", "--table=t", "--query={}"], 2, "add --all");
    bench.refuses(
        &["findone", "--table=t", "--key=k"],
        2,
        "unexpected argument '--key'",
    );
    bench.refuses(&["findone", "--table"], 2, "a value is required");
    bench.refuses(
        &["findone", "--tabel=t"],
        2,
        "unexpected argument '--tabel'",
    );
    bench.refuses(
        &["droptable", "--table=t", "--push-deadline=-1"],
        2,
        "--push-deadline",
    );
    bench.refuses(
        &["droptable", "--table=t", "--push-deadline=1e9"],
        2,
        "--push-deadline",
    );
    for branch in ["", "-x", "a..b", "a b", "x.lock", "a\nb", "@{", "\u{1b}"] {
        let branch = format!("--branch={branch}");
        bench.refuses(&["droptable", "--table=t", &branch], 2, "bad branch");
    }
    let mut command = bench.command();
    command.args([OsStr::new("findone"), OsStr::from_bytes(b"--table=\xff")]);
    bench.refuses_command(command, "", 2, "UTF-8");
    for (file, expected) in [
        ("", "-:1:1: expected a JSON value"),
        ("{}", "no JSON list"),
        ("[1]", "step 1: a step is a JSON object"),
        ("[{}]", "step 1: a step has either"),
        (
            r#"[{"operation": "findone", "table": "t"}]"#,
            "no operation that writes",
        ),
        (r#"[{"operation": "droptable", "table": "t"}, 7]"#, "step 2"),
        (
            r#"[{"operation": "droptable", "table": "t", "a": 1}]"#,
            "unknown field \"a\"",
        ),
    ] {
        let mut command = bench.command();
        command.args(["transaction", "--file", "-"]);
        bench.refuses_command(command, file, 2, expected);
    }
}

#[test]
fn repositories_that_are_none() {
    let bench = Bench::new();
    let empty = tempfile::tempdir().unwrap();
    let absent = empty.path().join("absent.git");
    let file = empty.path().join("file");
    std::fs::write(&file, "text").unwrap();
    for (repo, expected) in [
        (empty.path().to_str().unwrap(), "no git repository"),
        (absent.to_str().unwrap(), "absent.git"),
        (file.to_str().unwrap(), "file"),
        ("file:///absent/\u{1f37a}.git", "failed"),
        ("", "--repo"),
        ("a\nb", "a\\nb"),
        ("ext::sh -c touch% harm", "ext"),
        ("--upload-pack=touch harm", "--upload-pack"),
        ("nowhere.invalid:x.git", "failed"),
    ] {
        for args in [
            &["findone", "--table=t"] as &[&str],
            &["upsert", "--table=t", "--record={}", "--push-deadline=0"],
        ] {
            let mut command = bench.command();
            // Nobody is asked for a host that is not there.
            command
                .env("GIT_SSH_COMMAND", "false")
                .args(args)
                .arg(format!("--repo={repo}"));
            let before = bench.state();
            let (code, stdout, stderr) = bench.run(command, "");
            assert!([1, 2, 5].contains(&code), "{repo:?}: {code} {stderr}");
            assert_eq!(stdout, "", "{repo:?}");
            assert!(stderr.lines().count() <= 2, "{repo:?}: {stderr}");
            assert!(stderr.contains(expected), "{repo:?}: {stderr}");
            assert_eq!(bench.state(), before, "{repo:?}");
        }
    }
    let full = empty.path().to_str().unwrap();
    bench.refuses(
        &["init", "--repo", full],
        2,
        "neither empty nor a git repository",
    );
    assert_eq!(std::fs::read_dir(full).unwrap().count(), 1);
    let mut command = bench.command();
    command
        .env_remove("GHETTODB_REPO")
        .args(["findone", "--table=t"]);
    bench.refuses_command(command, "", 2, "--repo is missing");
}

/// Reads name the file, and go on with the others on request; writes of others go on by themselves.
#[test]
fn files_that_are_no_records() {
    let tip = Bench::new().origin.tip();
    for (mode, path, content, expected) in [
        ("100644", "db/t/bad.json", "", ":1:1: expected a JSON value"),
        (
            "100644",
            "db/t/bad.json",
            "{\"a\": 1",
            ":1:8: expected ',' or '}'",
        ),
        (
            "100644",
            "db/t/bad.json",
            "[1]",
            ":1:1: the file holds no JSON object",
        ),
        (
            "100644",
            "db/t/bad.json",
            "{\"a\": 1, \"a\": 1}",
            ":1:10: key \"a\" stands twice",
        ),
        (
            "100644",
            "db/t/bad.json",
            "{\"a\": NaN}",
            ":1:7: expected a JSON value",
        ),
        (
            "100644",
            "db/t/bad.json",
            "{\"a\": 1e400}",
            ":1:7: number 1e400 is larger",
        ),
        (
            "100644",
            "db/t/bad.json",
            "{\"_id\": \"b\"}",
            ": `_id` is \"b\", but the file is named \"bad\"",
        ),
        (
            "100644",
            "db/t/bad.json",
            "<<<<<<< a\n{}\n=======\n{}\n>>>>>>> b\n",
            ":1:1: a conflict marker",
        ),
        ("100644", "db/t/bad.json", "{\n||||||| base\n}", ":2:1: "),
        ("100644", "db/t/bad.json/x", "{}", ": it is a directory"),
        ("100755", "db/t/bad.json", "{}", ": it is executable"),
        (
            "120000",
            "db/t/bad.json",
            "good.json",
            ": it is a symbolic link, which is never followed",
        ),
        (
            "120000",
            "db/t/bad.json",
            "../../../secret",
            ": it is a symbolic link",
        ),
        (
            "160000",
            "db/t/bad.json",
            tip.as_str(),
            ": it is a submodule",
        ),
        (
            "120000",
            "db/t/ab",
            "../../src",
            "db/t/ab: it is a symbolic link",
        ),
    ] {
        let bench = Bench::new();
        bench.origin.commit(&[(mode, path, content)]);
        bench.refuses(&["findmany", "--table=t"], 1, expected);
        bench.refuses(&["findone", "--table=t"], 1, expected);
        let update = [
            "updatemany",
            "--table=t",
            "--query={}",
            r#"--record={"n": 1}"#,
        ];
        bench.refuses(&update, 1, expected);
        bench.refuses(
            &["deletemany", "--table=t", "--query={}", "--all"],
            1,
            expected,
        );
        if path == "db/t/bad.json" {
            let query = r#"--query={"_id": "bad"}"#;
            bench.refuses(&["findone", "--table=t", query], 1, expected);
            bench.refuses(
                &["upsert", "--table=t", r#"--record={"_id": "bad"}"#],
                1,
                expected,
            );
        }
        let mut command = bench.command();
        command.args(["findmany", "--table=t", "--skip-bad"]);
        let (code, stdout, stderr) = bench.run(command, "");
        assert_eq!(code, 0, "{stderr}");
        assert!(
            stderr.contains("skipped: db/t/") && stderr.contains(expected),
            "{stderr}"
        );
        let found: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(found, json!([{"_id": "good", "name": "good"}]));
        let mut command = bench.command();
        command.args(["upsert", "--table=t", r#"--record={"_id": "good", "n": 1}"#]);
        let (code, _, stderr) = bench.run(command, "");
        assert_eq!((code, stderr.as_str()), (0, ""), "{path}");
        let entry = bench.origin.git(&["ls-tree", "main", path]);
        assert!(entry.starts_with(mode), "it is as it was: {entry}");
    }
}

#[test]
fn numbers_pass_as_they_are_written() {
    let bench = Bench::new();
    let numbers = "12345678901234567890 1.10 -0 0.0 1e2 1E+2 1e-400 0.10000000000000000000001";
    let list = numbers.replace(' ', ",");
    let record = format!("{{\"_id\": \"n\", \"list\": [{list}]}}");
    let mut command = bench.command();
    command.args(["upsert", "--table=t", "--record", &record]);
    let (code, stdout, _) = bench.run(command, "");
    let mut command = bench.command();
    command.args(["findone", "--table=t", r#"--query={"list": [1.2345678901234567890e19, 1.1, 0, 0, 100, 100, 1e-400, 0.10000000000000000000001]}"#]);
    let (_, found, _) = bench.run(command, "");
    assert_eq!(code, 0);
    for text in [stdout, found, bench.origin.file("db/t/n.json")] {
        let start = text.find('[').unwrap() + 1;
        let list = text[start..].split(']').next().unwrap();
        let spaced: Vec<&str> = list.split(',').map(str::trim).collect();
        assert_eq!(spaced.join(" "), numbers);
    }
}
