//! `bpmnError`, `jobError` and `ignoreError`: the functions of an `errorExpression`.
//!
//! FEEL has no such functions, and their last arguments may be left out, which FEEL's own
//! function definitions don't allow. So each call is written out as the context that it stands
//! for, before the expression is parsed: `bpmnError("a", b)` becomes
//! `{"errorType": "bpmnError", "code": ("a"), "message": (b)}`.

/// The entry that says which function a context stands for.
pub(crate) const MARK: &str = "errorType";

const FUNCTIONS: [(&str, &[&str]); 3] = [
    ("bpmnError", &["code", "message", "variables"]),
    (
        "jobError",
        &["message", "variables", "retries", "retryBackoff"],
    ),
    ("ignoreError", &["variables"]),
];

/// Writes out the calls of a text; what is wrong with one is told in words.
pub(crate) fn expand(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_name = false;
    while let Some(first) = rest.chars().next() {
        let skipped = skip_quoted(rest);
        if skipped > 0 {
            out.push_str(&rest[..skipped]);
            rest = &rest[skipped..];
            after_name = false;
            continue;
        }
        let call = if after_name { None } else { call_at(rest) };
        if let Some((name, parameters, open)) = call {
            let (arguments, length) = arguments(&rest[open..])
                .ok_or_else(|| format!("the parenthesis after {name} is not closed"))?;
            out.push_str(&written_out(name, parameters, &arguments)?);
            rest = &rest[open + length..];
            after_name = false;
            continue;
        }
        after_name = first.is_alphanumeric() || first == '_' || first == '.';
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    Ok(out)
}

/// A function of ours that begins here: its name, its parameters, where its arguments begin.
fn call_at(text: &str) -> Option<(&'static str, &'static [&'static str], usize)> {
    FUNCTIONS.iter().find_map(|(name, parameters)| {
        let behind = text.strip_prefix(name)?;
        let space = behind.len() - behind.trim_start().len();
        behind[space..]
            .starts_with('(')
            .then_some((*name, *parameters, name.len() + space + 1))
    })
}

/// The arguments up to the closing parenthesis, and how long they are with it.
fn arguments(text: &str) -> Option<(Vec<&str>, usize)> {
    let (mut depth, mut start, mut at) = (0usize, 0, 0);
    let mut found = Vec::new();
    while let Some(char) = text[at..].chars().next() {
        let skipped = skip_quoted(&text[at..]);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        match char {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                let last = &text[start..at];
                if !(found.is_empty() && last.trim().is_empty()) {
                    found.push(last);
                }
                return Some((found, at + 1));
            }
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += char.len_utf8();
    }
    None
}

fn written_out(name: &str, parameters: &[&str], arguments: &[&str]) -> Result<String, String> {
    if arguments.len() > parameters.len() {
        return Err(format!(
            "{name} takes at most {} arguments: {}",
            parameters.len(),
            parameters.join(", ")
        ));
    }
    let mut context = format!("{{\"{MARK}\": \"{name}\"");
    for (position, argument) in arguments.iter().enumerate() {
        let named = argument.split_once(':').and_then(|(label, value)| {
            let label = parameters.iter().find(|p| **p == label.trim())?;
            Some((*label, value))
        });
        let (label, value) = named.unwrap_or((parameters[position], argument));
        let value = expand(value)?;
        context.extend([", \"", label, "\": (", &value, ")"]);
    }
    context.push('}');
    Ok(context)
}

/// The length of the string, quoted name or comment that begins here, 0 if none does.
fn skip_quoted(text: &str) -> usize {
    let whole = text.len();
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(whole);
    }
    if let Some(behind) = text.strip_prefix("/*") {
        return behind.find("*/").map_or(whole, |end| end + 4);
    }
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '`')) else {
        return 0;
    };
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return at + 1,
            _ => {}
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(expand(text).as_deref(), Ok(expected));
    }

    #[test]
    fn calls_are_written_out() {
        check("error.code", "error.code");
        check(
            r#"bpmnError("a,b)", error.message)"#,
            r#"{"errorType": "bpmnError", "code": ("a,b)"), "message": ( error.message)}"#,
        );
        check(
            r#"if error.code = "404" then jobError("x (y", {a: [1, 2]}, 0, duration("PT1S")) else null"#,
            r#"if error.code = "404" then {"errorType": "jobError", "message": ("x (y"), "variables": ( {a: [1, 2]}), "retries": ( 0), "retryBackoff": ( duration("PT1S"))} else null"#,
        );
        check("ignoreError ()", r#"{"errorType": "ignoreError"}"#);
        check(
            r#"jobError(retries: 2, message: "m")"#,
            r#"{"errorType": "jobError", "retries": ( 2), "message": ( "m")}"#,
        );
    }

    #[test]
    fn texts_names_and_comments_are_left_alone() {
        for text in [
            r#""bpmnError(1)""#,
            r#""\"bpmnError(1)""#,
            "my_bpmnError(1)",
            "a.bpmnError(1)",
            "bpmnErrors(1)",
            "bpmnError",
            "`bpmnError(1)`",
            "1 // bpmnError(\n+ 1",
            "/* bpmnError( */ 1",
            "\"open",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(expand("bpmnError(1").unwrap_err().contains("not closed"));
        assert!(expand("bpmnError([1)").unwrap_err().contains("not closed"));
        assert!(
            expand("ignoreError(1, 2)")
                .unwrap_err()
                .contains("at most 1")
        );
    }
}
