//! The one place that takes secrets out of a text that comes from git.

/// Takes secrets out of a text: user and password of URLs, and what follows `authorization:`.
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        // ASCII lower case keeps every byte's place.
        let visible = match line.to_ascii_lowercase().find("authorization:") {
            Some(at) => &line[..at + "authorization:".len()],
            None => line,
        };
        redact_userinfo(visible, &mut out);
        if visible.len() < line.len() {
            out.push_str(" ***");
        }
    }
    out
}

fn redact_userinfo(mut rest: &str, out: &mut String) {
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"')
            .unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rfind('@') {
            Some(sign) => {
                out.push_str("***");
                out.push_str(&authority[sign..]);
            }
            None => out.push_str(authority),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(redact(text), expected);
        }
        check(
            "fatal: unable to access 'https://x-access-token:ghs_abc@github.com/o/r/': 403",
            "fatal: unable to access 'https://***@github.com/o/r/': 403",
        );
        check(
            "https://tok@en@host/p@th and http://u:p@h",
            "https://***@host/p@th and http://***@h",
        );
        check("file:///srv/a@b.git", "file:///srv/a@b.git");
        check(
            "one\nAUTHORIZATION: basic c2VjcmV0\ntwo",
            "one\nAUTHORIZATION: ***\ntwo",
        );
        check("mail to a@b.example", "mail to a@b.example");
    }
}
