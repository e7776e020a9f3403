//! What every program of the shop answers to `--version`: version, commit and target.
//!
//! One place, so that two programs of one build never say different things.

/// `0.1.0 (8fd9f8cc7ad8 x86_64-unknown-linux-musl)`: the workspace's version, the first 12 digits
/// of the commit (with `-changed` behind them if the release was built from more than the commit;
/// `development` for a debug build), and the target that the program was compiled for.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("BUILD_COMMIT"),
    " ",
    env!("BUILD_TARGET"),
    ")"
);

#[cfg(test)]
mod tests {
    #[test]
    fn says_version_commit_and_target() {
        let (version, rest) = super::VERSION.split_once(" (").unwrap();
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        let (commit, target) = rest.strip_suffix(')').unwrap().split_once(' ').unwrap();
        assert!(
            commit
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
        );
        assert!(target.starts_with(std::env::consts::ARCH), "{target}");
    }
}
