//! A remote over http, as on GitHub: what each request carries, what is refused for good, and replies
//! that get lost after the remote has done its part.

use crate::support::http_server::{HttpServer, Loss, Requests, Seen, Settings};
use crate::support::{
    Origin, counter, git_command, increment, isolate, open, record, seed, transact,
};
use ghettodb::{Error, canonical_sha256, once};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Barrier;
use std::thread;

/// What `actions/checkout` puts in front of a token: this one must not be seen anywhere.
const CANARY: &str = "eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5LTczMTk=";
const PASSWORD: &str = "canary-7319";

/// A remote that is served, and a checked-out repository with a user's configuration beside it.
struct Site {
    origin: Origin,
    server: HttpServer,
    checkout: PathBuf,
    global: PathBuf,
}

impl Site {
    fn new(settings: Settings) -> Self {
        let origin = Origin::new();
        for name in ["http.receivepack", "uploadpack.allowFilter"] {
            origin.git(&["config", name, "true"]);
        }
        let server = HttpServer::start(origin.folder(), settings).unwrap();
        let (checkout, global) = (
            origin.folder().join("checkout"),
            origin.folder().join("global"),
        );
        std::fs::write(&global, "").unwrap();
        let site = Site {
            origin,
            server,
            checkout,
            global,
        };
        site.git(&["init", "--quiet", site.checkout.to_str().unwrap()]);
        site
    }

    fn url(&self) -> String {
        self.server.url("origin.git")
    }

    /// The key under which `actions/checkout` keeps its header.
    fn header_key(&self) -> String {
        format!("http.http://{}/.extraheader", self.server.authority())
    }

    fn git(&self, args: &[&str]) {
        let output = git_command()
            .env("GIT_CONFIG_GLOBAL", &self.global)
            .current_dir(self.origin.folder())
            .args(args)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
    }

    fn configure(&self, scope: &str, key: &str, value: &str) {
        let checkout = self.checkout.to_str().unwrap();
        self.git(&["-C", checkout, "config", scope, key, value]);
    }

    /// Runs the command in the checked-out repository.
    fn ghettodb(&self, repo: &str, args: &[&str]) -> Output {
        let temp = self.origin.folder().join("temp");
        std::fs::create_dir_all(&temp).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ghettodb"));
        isolate(&mut command);
        command
            .env("GIT_CONFIG_GLOBAL", &self.global)
            .env("TMPDIR", &temp)
            // Not an argument, which everybody on the machine may read.
            .env("GHETTODB_REPO", repo)
            .current_dir(&self.checkout)
            .args(args)
            .args(["--table", "t"])
            .output()
            .unwrap()
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> Value {
        let output = self.ghettodb(&self.url(), args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn is_push(seen: &Seen) -> bool {
    seen.path.ends_with("/git-receive-pack")
}

/// Every file below a folder whose bytes hold the text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
            {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_server_takes_what_git_sends() {
    let site = Site::new(Settings::default());
    // A request for many objects is compressed; a pack over the post buffer comes in chunks.
    let names: Vec<String> = (0..80).map(|n| format!("{n}.txt")).collect();
    let files: Vec<_> = names
        .iter()
        .map(|name| ("100644", name.as_str(), name.as_str()))
        .collect();
    site.origin.commit(&files);
    let clone = site.origin.folder().join("clone");
    let clone = clone.to_str().unwrap();
    site.git(&["clone", "--quiet", "--filter=blob:none", &site.url(), clone]);
    let noise: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(100_000)
        .collect();
    std::fs::write(Path::new(clone).join("noise"), &noise).unwrap();
    site.git(&["-C", clone, "add", "noise"]);
    site.git(&["-C", clone, "commit", "--quiet", "-m", "noise"]);
    let small = "http.postBuffer=65536";
    site.git(&[
        "-C", clone, "-c", small, "push", "--quiet", "origin", "main",
    ]);
    assert_eq!(site.origin.file("noise"), noise);
    let seen = site.server.seen();
    assert!(seen.iter().all(|seen| seen.status == 200), "{seen:?}");
    let mut reads = seen.iter().filter(|seen| seen.path.contains("upload-pack"));
    assert!(reads.all(|seen| seen.protocol == "version=2"), "{seen:?}");
    let has = |coding: &str| seen.iter().any(|seen| seen.coding == coding);
    assert!(has("gzip") && has("chunked"), "{seen:?}");
}

#[test]
fn records_are_written_and_read() {
    let site = Site::new(Settings::default());
    assert_eq!(site.done(&["findmany"]), json!([]), "an empty repository");
    // Three records that do not compress make a pack over git's post buffer of a megabyte.
    for id in ["a", "b", "c"] {
        let text: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(100_000)
            .collect();
        let record = json!({"_id": id, "n": 1.5, "text": text}).to_string();
        site.done(&["upsert", "--record", &record]);
    }
    site.done(&["deleteone", "--query", r#"{"_id": "b"}"#]);
    let found = site.done(&["findmany", "--query", r#"{"n": 1.5}"#]);
    let ids: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["a", "c"]);
    assert_eq!(site.origin.commits(), 4);
    let mut database = open(&site.url());
    for value in 1..=3 {
        assert_eq!(transact(&mut database, increment).value, value);
    }
    assert_eq!(counter(&mut database), 3);
    assert_eq!(database.log(99).unwrap().len(), 7);
    site.origin.assert_sound();
}

#[test]
fn the_rules_of_a_table_cost_no_request_of_their_own() {
    let site = Site::new(Settings::default());
    let requests = |id: &str| {
        let before = site.server.seen().len();
        let record = json!({"_id": id, "email": format!("{id}@example.org")}).to_string();
        site.done(&["upsert", "--record", &record]);
        site.server.seen().len() - before
    };
    requests("a");
    let without_rules = requests("b");
    let rules = json!({"_id": "t", "unique": ["email"]});
    transact(&mut open(&site.url()), |tx| {
        tx.insert("_tables", record(rules.clone()))
    });
    let read_once = requests("c");
    // git asks for the references and then for what it wants. Once for the settings, and once for the
    // records, among which the same e-mail address is looked for.
    assert_eq!(read_once, without_rules + 2 * 2);
    let carried = requests("d");
    assert_eq!(carried, without_rules + 2);
    let known = json!({"_id": "e", "email": "a@example.org"}).to_string();
    let refused = site.ghettodb(&site.url(), &["upsert", "--record", &known]);
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    // Settings that somebody changed by hand are read anew.
    let lax = "{\n  \"_id\": \"t\"\n}\n";
    site.origin.commit(&[("100644", "db/_tables/t.json", lax)]);
    site.done(&["upsert", "--record", &known]);
}

#[test]
fn each_request_carries_one_authorization() {
    let header = format!("AUTHORIZATION: basic {CANARY}");
    let other = "AUTHORIZATION: basic c29tZW9uZSBlbHNl";
    // The token of the checked-out repository is for this job; the user's own is for anything.
    for configured in [
        vec![("--local", &header)],
        vec![("--global", &header)],
        vec![("--global", &header), ("--local", &header)],
        vec![("--global", &other.to_owned()), ("--local", &header)],
    ] {
        let site = Site::new(Settings {
            authorization: Some(format!("basic {CANARY}")),
            ..Settings::default()
        });
        for (scope, header) in &configured {
            site.configure(scope, &site.header_key(), header);
        }
        site.done(&["upsert", "--record", r#"{"_id": "a"}"#]);
        site.done(&["findmany"]);
        let seen = site.server.seen();
        assert!(seen.iter().any(is_push));
        for seen in seen {
            assert_eq!(
                (seen.status, seen.authorization.len()),
                (200, 1),
                "{configured:?}: {seen:?}"
            );
        }
    }
}

#[test]
fn a_token_in_an_included_file_and_other_headers_are_sent_as_well() {
    let site = Site::new(Settings {
        authorization: Some(format!("basic {CANARY}")),
        ..Settings::default()
    });
    // As newer versions of actions/checkout leave it.
    let included = site.origin.folder().join("credentials.config");
    let lines = format!(
        "[http \"http://{}/\"]\n\textraheader = AUTHORIZATION: basic {CANARY}\n",
        site.server.authority()
    );
    std::fs::write(&included, lines).unwrap();
    let condition = format!(
        "includeIf.gitdir:{}/.git.path",
        site.checkout.canonicalize().unwrap().display()
    );
    site.configure("--local", &condition, included.to_str().unwrap());
    site.configure("--global", "http.extraheader", "X-Trace: 1");
    site.done(&["upsert", "--record", r#"{"_id": "a"}"#]);
    for seen in site.server.seen() {
        assert_eq!(
            (seen.status, seen.authorization.len()),
            (200, 1),
            "{seen:?}"
        );
    }
}

#[test]
fn a_password_in_the_address_and_a_header_are_one_authorization() {
    let site = Site::new(Settings {
        authorization: Some(format!("basic {CANARY}")),
        ..Settings::default()
    });
    let header = format!("AUTHORIZATION: basic {CANARY}");
    site.configure("--local", &site.header_key(), &header);
    let url = site.url().replace("://", &format!("://u:{PASSWORD}@"));
    let output = site.ghettodb(&url, &["upsert", "--record", "{}"]);
    assert!(output.status.success(), "{}", stderr(&output));
    for seen in site.server.seen() {
        assert_eq!(seen.authorization.len(), 1, "{seen:?}");
    }
}

#[test]
fn without_a_good_token_it_ends_at_once() {
    for (header, expected) in [
        (None, "could not read Username"),
        (
            Some("AUTHORIZATION: basic d3Jvbmc="),
            "could not read Username",
        ),
    ] {
        let site = Site::new(Settings {
            authorization: Some(format!("basic {CANARY}")),
            ..Settings::default()
        });
        if let Some(header) = header {
            site.configure("--local", &site.header_key(), header);
        }
        let output = site.ghettodb(&site.url(), &["upsert", "--record", "{}"]);
        let stderr = stderr(&output);
        assert!(matches!(output.status.code(), Some(1 | 6)), "{stderr}");
        assert!(
            stderr.contains(expected) && stderr.contains("hint: ") && !stderr.contains("d3Jvbmc"),
            "{stderr}"
        );
        let seen = site.server.seen();
        assert_eq!(seen.len(), 1, "it was tried once: {seen:?}");
    }
}

#[test]
fn a_read_only_token_is_refused_once() {
    let site = Site::new(Settings::default());
    site.done(&["upsert", "--record", r#"{"_id": "a"}"#]);
    let tip = site.origin.tip();
    site.origin.git(&["config", "http.receivepack", "false"]);
    let before = site.server.seen().len();
    let output = site.ghettodb(&site.url(), &["upsert", "--record", "{}"]);
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("403"), "{stderr}");
    let refused = site.server.seen().split_off(before);
    let refused = refused.iter().filter(|seen| seen.status == 403).count();
    assert_eq!((refused, site.origin.tip()), (1, tip));
    assert_eq!(site.done(&["findmany"]).as_array().unwrap().len(), 1);
}

#[test]
fn replies_lost_after_the_remote_accepted_change_nothing() {
    const WRITERS: usize = 4;
    const WRITES: usize = 5;
    let site = Site::new(Settings {
        loss: Some(Loss {
            probability: 0.3,
            seed: seed(),
            of: Requests::Pushes,
        }),
        ..Settings::default()
    });
    let start = Barrier::new(WRITERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (start, site) = (&start, &site);
            scope.spawn(move || {
                let mut database = open(&site.url());
                start.wait();
                for write in 0..WRITES {
                    let key = format!("{writer}-{write}");
                    let sha256 = canonical_sha256(&json!(key));
                    // Half of them by key, half on the word of the history alone.
                    transact(&mut database, |tx| {
                        tx.insert("own", record(json!({"_id": key})))?;
                        match write % 2 {
                            0 => once(tx, &key, &sha256, |tx| {
                                Ok::<_, Error>(increment(tx)?.into())
                            }),
                            _ => Ok(increment(tx)?.into()),
                        }
                    });
                }
            });
        }
    });
    let pushes: Vec<Seen> = site.server.seen().into_iter().filter(is_push).collect();
    let lost = pushes.iter().filter(|seen| seen.is_lost).count();
    println!("{lost} of {} replies were lost", pushes.len());
    assert!(lost > 0, "nothing was tested");
    let total = WRITERS * WRITES;
    let mut database = open(&site.url());
    assert_eq!(counter(&mut database), total as u64);
    let snapshot = database.snapshot().unwrap();
    assert_eq!(snapshot.count("own").unwrap(), total);
    assert_eq!(site.origin.commits(), total, "one commit a transaction");
    site.origin.assert_sound();
}

#[test]
fn one_writer_whose_every_other_reply_is_lost_has_each_effect_once() {
    let site = Site::new(Settings {
        loss: Some(Loss {
            probability: 0.5,
            seed: 7,
            of: Requests::Pushes,
        }),
        ..Settings::default()
    });
    let mut database = open(&site.url());
    for value in 1..=12 {
        assert_eq!(transact(&mut database, increment).value, value);
    }
    assert_eq!(site.origin.commits(), 12);
    assert!(site.server.seen().iter().any(|seen| seen.is_lost));
}

#[test]
fn processes_get_through_whichever_replies_are_lost() {
    let site = Site::new(Settings {
        loss: Some(Loss {
            probability: 0.2,
            seed: seed(),
            of: Requests::All,
        }),
        ..Settings::default()
    });
    for round in 0..8 {
        // Twice, as somebody does who does not trust the first answer.
        let [first, second] = [(); 2].map(|()| {
            let key = format!("k-{round}");
            site.done(&["upsert", "--record", r#"{"n": 1}"#, "--key", &key])
        });
        assert_eq!(first, second);
    }
    assert_eq!(site.done(&["findmany"]).as_array().unwrap().len(), 8);
    assert_eq!(site.origin.commits(), 8);
    site.origin.assert_sound();
}

#[test]
fn a_secret_is_nowhere_but_in_the_request() {
    let header = format!("AUTHORIZATION: basic {CANARY}");
    for in_address in [false, true] {
        // curl sends a password as basic credentials of its own making.
        let site = Site::new(Settings {
            authorization: in_address.then(|| {
                let by_curl = "dTpjYW5hcnktNzMxOQ=="; // u:canary-7319
                format!("Basic {by_curl}")
            }),
            ..Settings::default()
        });
        let url = match in_address {
            true => site.url().replace("://", &format!("://u:{PASSWORD}@")),
            false => {
                site.configure("--global", &site.header_key(), &header);
                site.url()
            }
        };
        let secret = if in_address { PASSWORD } else { CANARY };
        // While the remote takes the push, the clone is there and git is running.
        let secret_file = site.origin.folder().join("secret");
        std::fs::write(&secret_file, format!("{secret}\n")).unwrap();
        site.origin.hook(
            "pre-receive",
            "ls ../temp > looked\n\
             grep -r -F -f ../secret ../temp > leaked\n\
             cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -a -F -f ../secret >> leaked\n\
             exit 0",
        );
        let mut said = String::new();
        for args in [
            ["upsert", "--record", r#"{"_id": "a"}"#],
            ["findmany", "--query", "{}"],
        ] {
            let output = site.ghettodb(&url, &args);
            assert!(output.status.success(), "{}", stderr(&output));
            said += &(String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output));
        }
        let read = |name: &str| std::fs::read_to_string(site.origin.path().join(name)).unwrap();
        assert!(read("looked").contains("ghettodb-"), "no clone was there");
        assert_eq!(read("leaked"), "");
        // And when the remote refuses and says so with the address in it.
        site.origin.hook(
            "pre-receive",
            &format!("echo 'see {url} and {header}' >&2; exit 1"),
        );
        let output = site.ghettodb(&url, &["upsert", "--record", r#"{"_id": "b"}"#]);
        assert_eq!(output.status.code(), Some(6));
        assert!(stderr(&output).contains("pre-receive hook declined"));
        said += &stderr(&output);
        assert!(!said.contains(secret), "{said}");
        let log = site.origin.git(&["log", "-p", "--format=raw", "main"]);
        assert!(!log.contains(secret), "{log}");
        std::fs::remove_file(secret_file).unwrap();
        std::fs::remove_file(site.origin.path().join("hooks/pre-receive")).unwrap();
        let expected = if in_address {
            vec![]
        } else {
            vec![site.global.clone()]
        };
        assert_eq!(files_with(site.origin.folder(), secret), expected);
    }
}
