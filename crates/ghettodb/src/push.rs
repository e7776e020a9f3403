//! What a push came to, read from what git printed: whether to try again is decided here, on the
//! status lines of `--porcelain` and on known texts of git under `LC_ALL=C`, never on its hints.

use crate::redact::redact;

/// The outcome of one push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Push {
    /// The branch is at our commit.
    Accepted,
    /// Someone else was faster: fetch, and run the operation again.
    Moved(String),
    /// The remote may have taken it or not: look before trying again.
    Unknown(String),
    /// It will not be taken, however often it is tried.
    Refused(String),
}

/// Reasons of a rejection that mean no more than a moved branch.
const CONTENTION: [&str; 7] = [
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value provided",
    "reference already exists",
];

/// Failures of the connection, after which nobody knows what the remote did.
const TRANSIENT: [&str; 17] = [
    "timed out",
    "timeout",
    "connection reset",
    "connection refused",
    "connection closed",
    "connection was closed",
    "broken pipe",
    "early eof",
    "unexpected disconnect",
    "remote end hung up",
    "rpc failed",
    "failed to connect",
    "could not resolve host",
    "temporary failure in name resolution",
    "empty reply from server",
    "remote failed to report status",
    "requested url returned error: 5",
];

/// Refusals; looked for first, since a connection that is refused on purpose is hung up as well.
const FINAL: [&str; 14] = [
    "returned error: 401",
    "returned error: 403",
    "returned error: 404",
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied",
    "permission to ",
    "duplicate header",
    "repository not found",
    "does not appear to be a git repository",
    "dubious ownership",
    "quota",
    "shallow update not allowed",
];

/// Whether a failed git command may work later: the network's fault, not the caller's.
pub(crate) fn is_transient(stderr: &str) -> bool {
    let stderr = stderr.to_ascii_lowercase();
    let holds = |text: &&str| stderr.contains(*text);
    !FINAL.iter().any(holds) && TRANSIENT.iter().any(holds)
}

/// Reads the outcome from exit status, standard output and standard error of `git push --porcelain`.
pub(crate) fn classify(success: bool, stdout: &str, stderr: &str) -> Push {
    if success {
        return Push::Accepted;
    }
    // `<flag>\t<from>:<to>\t<summary> (<reason>)`
    let rejected = stdout.lines().filter_map(|line| {
        let (_, summary) = line.strip_prefix("!\t")?.split_once('\t')?;
        Some(summary)
    });
    // Of a push that is all or nothing, one line has the reason and the others say that there is one.
    let rejected = rejected.min_by_key(|summary| summary.contains("(atomic "));
    let Some(summary) = rejected else {
        let text = plain(stderr);
        return if is_transient(stderr) {
            Push::Unknown(text)
        } else {
            Push::Refused(text)
        };
    };
    let is_contention = match summary.contains("(atomic ") {
        // Each line says only that the whole failed; this is how a remote says that it lost a race.
        true => stderr.contains("cannot lock ref"),
        false => {
            let lower = summary.to_ascii_lowercase();
            CONTENTION.iter().any(|reason| lower.contains(reason))
        }
    };
    if is_contention {
        return Push::Moved(summary.to_owned());
    }
    let remote: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote: "))
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let text = match remote.is_empty() {
        true => summary.to_owned(),
        false => format!("{summary}: {}", remote.join("; ")),
    };
    if is_transient(summary) {
        Push::Unknown(redact(&text))
    } else {
        Push::Refused(redact(&text))
    }
}

/// What git said, in one line, without its hints and secrets.
pub(crate) fn plain(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint: "))
        .collect();
    match lines.is_empty() {
        true => "it said nothing".to_owned(),
        false => redact(&lines.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HINTS: &str =
        "error: failed to push some refs to '../o.git'\nhint: fetch first, quota, timed out\n";

    #[track_caller]
    fn rejected(summary: &str) -> Push {
        classify(
            false,
            &format!("To ../o.git\n!\tabc:refs/heads/main\t{summary}\nDone\n"),
            HINTS,
        )
    }

    #[test]
    fn a_moved_branch_is_contention() {
        for summary in [
            "[rejected] (fetch first)",
            "[rejected] (non-fast-forward)",
            "[rejected] (stale info)",
            "[remote rejected] (failed to update ref)",
            "[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
            "[remote rejected] (incorrect old value provided)",
            "[remote rejected] (reference already exists)",
        ] {
            assert_eq!(rejected(summary), Push::Moved(summary.to_owned()));
        }
    }

    #[test]
    fn of_an_atomic_push_the_reason_counts() {
        let classify = |branch: &str, stderr: &str| {
            let stdout = format!(
                "!\ta:refs/tags/t\t[rejected] (atomic push failed)\n!\tb:refs/heads/main\t{branch}\n"
            );
            classify(false, &stdout, stderr)
        };
        let stale = "[rejected] (stale info)";
        assert_eq!(classify(stale, HINTS), Push::Moved(stale.to_owned()));
        let remote = "[remote rejected] (atomic transaction failed)";
        let locked = "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2\n";
        assert!(matches!(classify(remote, locked), Push::Moved(_)));
        let policy = "remote: error: denying non-fast-forward refs/heads/main\n";
        assert!(matches!(classify(remote, policy), Push::Refused(_)));
    }

    #[test]
    fn policy_is_final() {
        for summary in [
            "[remote rejected] (pre-receive hook declined)",
            "[remote rejected] (hook declined)",
            "[remote rejected] (protected branch hook declined)",
            "[remote rejected] (shallow update not allowed)",
            "[remote rejected] (branch is currently checked out)",
            "[remote rejected] (something new)",
        ] {
            assert_eq!(rejected(summary), Push::Refused(summary.to_owned()));
        }
    }

    #[test]
    fn what_the_remote_said_is_kept_without_secrets() {
        let stdout = "!\ta:refs/heads/main\t[remote rejected] (pre-receive hook declined)\n";
        let stderr = "remote: no friday pushes        \nremote: see https://u:secret@h/x   \nerror: failed\n";
        assert_eq!(
            classify(false, stdout, stderr),
            Push::Refused(
                "[remote rejected] (pre-receive hook declined): no friday pushes; see https://***@h/x".to_owned()
            )
        );
    }

    #[test]
    fn a_broken_connection_is_unknown() {
        for stderr in [
            "fatal: the remote end hung up unexpectedly",
            "error: RPC failed; curl 56 Recv failure: Connection reset by peer",
            "send-pack: unexpected disconnect while reading sideband packet",
            "fatal: early EOF",
            "fatal: unable to access 'https://h/': The requested URL returned error: 503",
            "ssh: connect to host h port 22: Connection timed out\nfatal: Could not read from remote repository.",
            "fatal: unable to access 'https://h/': Could not resolve host: h",
        ] {
            assert!(
                matches!(classify(false, "", stderr), Push::Unknown(_)),
                "{stderr}"
            );
        }
        assert!(matches!(
            rejected("[remote failure] (remote failed to report status)"),
            Push::Unknown(_)
        ));
    }

    #[test]
    fn rights_and_unknown_texts_are_final_with_the_text() {
        for stderr in [
            "remote: Permission to o/r.git denied to x.\nfatal: unable to access 'https://h/o/r/': The requested URL returned error: 403",
            "remote: Repository not found.\nfatal: Authentication failed for 'https://h/'",
            "fatal: could not read Username for 'https://h': terminal prompts disabled",
            "remote: Duplicate header: \"Authorization\"\nfatal: unable to access 'https://h/': The requested URL returned error: 400",
            "git@h: Permission denied (publickey).\nfatal: the remote end hung up unexpectedly",
            "fatal: a text of tomorrow",
        ] {
            let Push::Refused(text) = classify(false, "", stderr) else {
                panic!("{stderr}");
            };
            assert!(text.contains(stderr.lines().next_back().unwrap()), "{text}");
        }
    }
}
