//! Secrets are read whole or not at all, and filled in where they are bound to.

use std::io::Write as _;

use super::*;

fn secrets(variables: &[(&str, &str)]) -> Result<Secrets, SettingError> {
    let variables = variables.iter();
    Secrets::read(
        variables.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        None,
    )
}

fn of_file(text: &str) -> Result<Secrets, SettingError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let variables = [("BACKROOM_SECRET_GitHubToken", "canary-github")];
    let variables = variables.map(|(n, v)| (n.to_owned(), v.to_owned()));
    Secrets::read(variables, Some(file.path()))
}

fn two() -> Secrets {
    secrets(&[
        ("BACKROOM_SECRET_GitHubToken", "canary-github\n"),
        ("BACKROOM_SECRET_Other", "canary-{{secrets.GitHubToken}}"),
        ("BACKROOM_SECRET_HOSTS_Other", "other.example, 127.0.0.1:9"),
        ("BACKROOM_SECRET_FIELDS_Other", "password, clientSecret"),
        ("BACKROOM_SECRET_Unset", " "),
        ("PATH", "/bin"),
    ])
    .unwrap()
}

#[track_caller]
fn filled(template: &str, url: &str, field: Field) -> Result<String, Error> {
    let url = Url::parse(url).unwrap();
    let filled = two().fill(template, field, &url, &Named::AnyByAnyone)?;
    assert_eq!(filled.left, Vec::<String>::new());
    Ok(filled.text)
}

#[track_caller]
fn filled_older(template: &str, url: &str) -> Result<String, Error> {
    let other = |name: &str| (name == "repo").then(|| "shop/data".to_owned());
    let url = Url::parse(url).unwrap();
    Ok(two().fill_older(template, &url, other)?.text)
}

const GITHUB: &str = "https://api.github.com/repos";

#[test]
fn filled_in_for_their_hosts_alone() {
    assert_eq!(
        filled("{{secrets.GitHubToken}}", GITHUB, Field::Token),
        Ok("canary-github".to_owned())
    );
    assert_eq!(
        filled_older("Bearer {{GitHubToken}} ${repo}", GITHUB),
        Ok("Bearer canary-github shop/data".to_owned())
    );
    for url in [
        "https://evil.example/",
        "http://api.github.com/",
        "http://127.0.0.1:9/",
        "https://api.github.com.evil.example/",
    ] {
        for error in [
            filled("{{secrets.GitHubToken}}", url, Field::Token).unwrap_err(),
            filled_older("{{GitHubToken}}", url).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("'GitHubToken' may not go to http"), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }
}

#[test]
fn filled_in_in_their_fields_alone() {
    let url = "https://other.example/";
    for field in Field::ALL {
        let filled = filled("{{secrets.Other}}", url, field);
        let allowed = [Field::Password, Field::ClientSecret].contains(&field);
        assert_eq!(filled.is_ok(), allowed, "{field:?}");
        if let Err(error) = filled {
            let text = error.to_string();
            assert!(text.contains("BACKROOM_SECRET_FIELDS_Other"), "{text}");
        }
    }
    assert!(matches!(
        filled_older("{{Other}}", url),
        Err(Error::Field { .. })
    ));
}

#[test]
fn what_is_filled_in_is_not_looked_at_again() {
    let url = "https://other.example/";
    assert_eq!(
        filled("{{secrets.Other}}", url, Field::Password),
        Ok("canary-{{secrets.GitHubToken}}".to_owned())
    );
}

#[test]
fn other_placeholders_and_missing_secrets() {
    assert_eq!(
        filled(
            "{{GitHubToken}} secrets.GitHubToken",
            GITHUB,
            Field::Password
        ),
        Ok("{{GitHubToken}} secrets.GitHubToken".to_owned())
    );
    for error in [
        filled("{{secrets.Absent}}", GITHUB, Field::Token),
        filled("{{secrets.Unset}}", GITHUB, Field::Token),
        filled_older("{{Absent}}", GITHUB),
    ] {
        assert!(matches!(error, Err(Error::Missing(_))), "{error:?}");
    }
}

#[test]
fn settings_that_cannot_be_used() {
    for (variables, says) in [
        (
            vec![("BACKROOM_SECRET_X", "canary")],
            "'X' has no hosts; name those it may go to in BACKROOM_SECRET_HOSTS_X",
        ),
        (
            vec![("BACKROOM_SECRET_GitHubToken", "canar")],
            "shorter than 6 characters",
        ),
        (
            vec![("BACKROOM_SECRET_HOSTS_X", "http://a/b")],
            "BACKROOM_SECRET_HOSTS_X: 'http://a/b' is no host",
        ),
        (
            vec![("BACKROOM_SECRET_FIELDS_X", "token, body")],
            "BACKROOM_SECRET_FIELDS_X: 'body' is none of username, password, token",
        ),
    ] {
        let error = secrets(&variables).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(!error.contains("canar"), "{error}");
    }
    assert!(secrets(&[("BACKROOM_SECRET_GitHubToken", "canary")]).is_ok());
    assert!(!format!("{:?}", two()).contains("canary"));
}

#[test]
fn secrets_of_a_file() {
    let secrets = of_file(
        r#"{"Other": {"value": " canary-other ", "hosts": ["*.other.example"], "fields": ["token"]}}"#,
    )
    .unwrap();
    assert_eq!(
        secrets.names().collect::<Vec<_>>(),
        ["GitHubToken", "Other"]
    );
    let url = Url::parse("https://api.other.example/").unwrap();
    let fill = |field| secrets.fill("{{secrets.Other}}", field, &url, &Named::AnyByAnyone);
    let expected = Filled {
        text: "canary-other".to_owned(),
        secrets: vec!["Other".to_owned()],
        left: Vec::new(),
    };
    assert_eq!(fill(Field::Token), Ok(expected));
    assert!(fill(Field::Password).is_err());
    // As in the environment, this one has its host by default.
    assert!(of_file("{}").is_ok());
}

#[test]
fn files_that_cannot_be_used() {
    for (text, says) in [
        ("{\"X\": \"canary-x\"", "it is not JSON"),
        ("\"canary-x\"", "must be an object of secrets by name"),
        (
            r#"{"X": "canary-x"}"#,
            "'X' must be an object with 'value' and 'hosts'",
        ),
        (
            r#"{"X": {"value": 1, "hosts": []}}"#,
            "'X': 'value' must be a text",
        ),
        (
            r#"{"X": {"value": "canary-x", "host": ["h"]}}"#,
            "'X': 'host' is none of 'value', 'hosts', 'fields'",
        ),
        (
            r#"{"X": {"value": "canary-x", "hosts": "h"}}"#,
            "'X': 'hosts' must be a list of texts",
        ),
        (
            r#"{"X": {"value": "canary-x", "hosts": ["a b"]}}"#,
            "'hosts' of 'X' in the secrets file: 'a b' is no host",
        ),
        (
            r#"{"X": {"value": "canary-x", "hosts": ["h"], "fields": ["url"]}}"#,
            "'fields' of 'X' in the secrets file: 'url' is none of",
        ),
        (r#"{"X": {"value": "canary-x"}}"#, "'X' has no hosts"),
        (
            r#"{"GitHubToken": {"value": "canary-x"}}"#,
            "stands in the secrets file and in BACKROOM_SECRET_GitHubToken",
        ),
    ] {
        let error = of_file(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let absent = Path::new("/no/such/file");
    let error = Secrets::read([], Some(absent)).unwrap_err().to_string();
    assert!(
        error.starts_with("secrets file '/no/such/file': "),
        "{error}"
    );
}
