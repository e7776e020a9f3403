//! The exit codes of a service, the one place where they are written down.

use std::process::ExitCode;

/// How a run ended, as its process's exit code.
///
/// A dispatcher starts a run again when it ended with [`Exit::GatewayUnreachable`] or
/// [`Exit::PushDeadline`]: the same payload may go better next time. The others stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: the work is done, and its result was delivered.
    Done = 0,
    /// 1: a fault of the program or of its surroundings.
    Fault = 1,
    /// 2: the command line or a setting is wrong.
    Usage = 2,
    /// 3: the input was refused; nothing was written.
    Refused = 3,
    /// 4: the gateway could not be reached in time; the change, if any, is committed.
    GatewayUnreachable = 4,
    /// 5: the data branch kept moving until the push deadline passed; nothing was written.
    PushDeadline = 5,
    /// 6: the data repository refused the push; nothing was written.
    PushRefused = 6,
}

impl Exit {
    /// What the code says about the data, and whether to run the same again.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done.",
            Exit::Fault => {
                "a fault of the program or its surroundings; once that is mended, re-run."
            }
            Exit::Usage => "a setting is missing or wrong; once it is set, re-run.",
            Exit::Refused => {
                "the input was refused and nothing was written; the same input will be refused again."
            }
            Exit::GatewayUnreachable => {
                "the engine could not be reached. A change is committed already, and is not done twice: re-run."
            }
            Exit::PushDeadline => {
                "others kept writing to the data branch and nothing was written: re-run."
            }
            Exit::PushRefused => {
                "the data branch refuses the push and nothing was written: see who may write to it, then re-run."
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
