//! The one token of the dispatcher: where it is read, how it is compared, and that it never shows.

use std::fmt;
use std::hint::black_box;
use std::path::Path;

/// The environment variable that holds the token when no file is named.
pub const TOKEN_VARIABLE: &str = "BACKROOM_DISPATCH_TOKEN";

/// A secret that callers must know; its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The named file cannot be read.
    #[error("cannot read the token file '{path}': {source}")]
    Read {
        /// As it was given.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing, or only white space, where a token belongs.
    #[error("no token in {from}; put one line of at least 8 visible ASCII characters there")]
    Empty {
        /// The file or the variable.
        from: String,
    },
}

impl Token {
    /// Takes a token from text, without the white space around it.
    ///
    /// A token stands in an HTTP header, so only visible ASCII is taken; under 8 characters it
    /// would be found in ordinary text, and masking it would make logs unreadable.
    pub fn new(text: &str, from: &str) -> Result<Token, Error> {
        let text = text.trim();
        if text.len() < 8 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::Empty {
                from: from.to_owned(),
            });
        }
        Ok(Token(text.to_owned()))
    }

    /// Reads the token from a file.
    pub fn from_file(path: &Path) -> Result<Token, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.display().to_string(),
            source,
        })?;
        Token::new(&text, &format!("the file '{}'", path.display()))
    }

    /// Whether an `Authorization` header carries this token, as `Bearer` or, as GitHub also
    /// takes it, `token`. The comparison takes the same time wherever the difference is.
    pub fn opens(&self, authorization: &str) -> bool {
        let Some((scheme, given)) = authorization.split_once(' ') else {
            return false;
        };
        let scheme_fits =
            scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
        let (given, own) = (given.trim().as_bytes(), self.0.as_bytes());
        let difference = own.iter().enumerate().fold(0u8, |seen, (at, byte)| {
            black_box(seen | (byte ^ given.get(at).copied().unwrap_or(!byte)))
        });
        scheme_fits && difference == 0 && given.len() == own.len()
    }

    /// The text itself, for masking alone.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_for_the_same_text_only() {
        let token = Token::new(" canary-token\n", "a test").unwrap();
        for good in [
            "Bearer canary-token",
            "token canary-token",
            "bearer  canary-token",
        ] {
            assert!(token.opens(good), "{good}");
        }
        for bad in [
            "",
            "canary-token",
            "Bearer",
            "Bearer ",
            "Bearer canary-toke",
            "Bearer canary-token2",
            "Bearer danary-token",
            "Basic canary-token",
        ] {
            assert!(!token.opens(bad), "{bad}");
        }
        assert_eq!(format!("{token:?}"), "Token(***)");
    }

    #[test]
    fn short_or_unprintable_is_no_token() {
        for bad in ["", "  \n", "1234567", "with space", "üüüüüüüüü"] {
            assert!(Token::new(bad, "a test").is_err(), "{bad:?}");
        }
        assert!(Token::new("12345678", "a test").is_ok());
    }
}
