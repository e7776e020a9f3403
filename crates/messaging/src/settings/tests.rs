//! Settings are tested as a table from environment to result.

use super::*;

fn resolve(env: &[(&str, &str)]) -> Result<Settings, Error> {
    resolve_with(&Flags::default(), env)
}

fn resolve_with(flags: &Flags, env: &[(&str, &str)]) -> Result<Settings, Error> {
    Settings::resolve(flags, |name| {
        env.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn nothing_set_is_a_store_on_this_machine() {
    let settings = resolve(&[]).unwrap();
    assert_eq!(settings.gateway, Gateway::plain("127.0.0.1:26500").unwrap());
    assert_eq!(settings.gateway.uri(), "http://127.0.0.1:26500");
    assert_eq!(settings.github_api_url, "https://api.github.com");
    assert_eq!(settings.rest_address, None);
    assert_eq!(settings.message_ttl, Duration::from_secs(3600));
    assert_eq!(settings.gateway_deadline, Duration::from_secs(120));
}

#[test]
fn an_empty_variable_is_not_set() {
    assert_eq!(
        resolve(&[("ZEEBE_ADDRESS", ""), ("GITHUB_API_URL", " ")]),
        resolve(&[])
    );
}

#[test]
fn a_flag_stands_before_the_environment_and_that_before_the_block() {
    let block = "export ZEEBE_ADDRESS='block:1'\nexport GHETTODB_BRANCH='b'";
    let env = [("ZEEBE_ADDRESS", "env:2"), ("ZEEBE_CLIENT_CONFIG", block)];
    let flags = Flags {
        zeebe_address: Some("flag:3".to_owned()),
        ..Flags::default()
    };
    assert_eq!(
        resolve_with(&flags, &env).unwrap().gateway.address(),
        "flag:3"
    );
    assert_eq!(resolve(&env).unwrap().gateway.address(), "env:2");
    assert_eq!(resolve(&env[1..]).unwrap().gateway.address(), "block:1");
}

#[test]
fn the_block_of_the_console_gives_address_and_credentials() {
    let block = "\
        export ZEEBE_ADDRESS='abc.bru-2.zeebe.camunda.io:443'\n\
        export ZEEBE_CLIENT_ID='the-client'\n\
        export ZEEBE_CLIENT_SECRET='the-~.secret='\n\
        export ZEEBE_AUTHORIZATION_SERVER_URL='https://login.example/oauth/token'\n\
        export ZEEBE_TOKEN_AUDIENCE='zeebe.example'\n\
        export CAMUNDA_CREDENTIALS_SCOPES='Zeebe,Tasklist'\n";
    let settings = resolve(&[("ZEEBE_CLIENT_CONFIG", block)]).unwrap();
    assert!(settings.gateway.tls);
    assert_eq!(
        settings.gateway.uri(),
        "https://abc.bru-2.zeebe.camunda.io:443"
    );
    let oauth = settings.gateway.oauth.as_ref().unwrap();
    assert_eq!(oauth.client_id.expose(), "the-client");
    assert_eq!(oauth.client_secret.expose(), "the-~.secret=");
    assert_eq!(oauth.token_url, "https://login.example/oauth/token");
    assert_eq!(oauth.audience, "zeebe.example");
}

#[test]
fn the_block_may_be_json_and_the_names_camundas() {
    let json = r#"{"CAMUNDA_CLUSTER_ID": "abc", "CAMUNDA_CLUSTER_REGION": "bru-2",
                   "CAMUNDA_CLIENT_ID": "id", "CAMUNDA_CLIENT_SECRET": "s", "CAMUNDA_OAUTH_URL": "https://l/t"}"#;
    let settings = resolve(&[("ZEEBE_CLIENT_CONFIG", json)]).unwrap();
    assert_eq!(
        settings.gateway.uri(),
        "https://abc.bru-2.zeebe.camunda.io:443"
    );
    assert_eq!(settings.gateway.oauth.unwrap().token_url, "https://l/t");
}

#[test]
fn secrets_are_never_shown() {
    let canary = "canary-5d1f";
    let env = [("ZEEBE_CLIENT_ID", canary), ("ZEEBE_CLIENT_SECRET", canary)];
    let settings = resolve(&env).unwrap();
    assert!(!format!("{settings:?}").contains(canary));
    for broken in [
        format!("{{\"ZEEBE_CLIENT_SECRET\": \"{canary}\""),
        format!("export ZEEBE_CLIENT_SECRET='{canary}"),
        format!("ZEEBE_CLIENT_SECRET {canary}"),
        format!("[\"{canary}\"]"),
    ] {
        let error = resolve(&[("ZEEBE_CLIENT_CONFIG", &broken)]).unwrap_err();
        assert!(matches!(error, Error::ClientConfig { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains(canary), "{error}");
    }
}

#[test]
fn half_a_pair_of_credentials_names_the_other_half() {
    let error = resolve(&[("ZEEBE_CLIENT_ID", "id")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "credentials are incomplete: ZEEBE_CLIENT_ID is set, but ZEEBE_CLIENT_SECRET is not"
    );
}

#[track_caller]
fn check_address(address: &str, expected: Result<&str, &str>) {
    let uri = Gateway::plain(address).map(|gateway| gateway.uri());
    match (uri, expected) {
        (Ok(uri), Ok(expected)) => assert_eq!(uri, expected),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (got, expected) => panic!("{got:?}, expected {expected:?}"),
    }
}

#[test]
fn addresses() {
    check_address("localhost:26500", Ok("http://localhost:26500"));
    check_address("localhost", Ok("http://localhost:26500"));
    check_address("http://h:1/", Ok("http://h:1"));
    check_address("grpcs://h", Ok("https://h:443"));
    check_address("[::1]:26500", Ok("http://[::1]:26500"));
    check_address("[::1]", Ok("http://[::1]:26500"));
    check_address("::1:26500", Err("brackets"));
    check_address("h:port", Err("not a number"));
    check_address("h:0", Err("not a number"));
    check_address(":26500", Err("host is missing"));
    check_address("ftp://h:1", Err("scheme"));
    check_address("h:1/path", Err("more than a host"));
    check_address("user@h:1", Err("more than a host"));
}

#[test]
fn tls_follows_scheme_then_switch_then_port_and_credentials() {
    let tls = |env: &[(&str, &str)]| resolve(env).unwrap().gateway.tls;
    assert!(!tls(&[("ZEEBE_ADDRESS", "h:26500")]));
    assert!(tls(&[("ZEEBE_ADDRESS", "h:443")]));
    assert!(!tls(&[
        ("ZEEBE_ADDRESS", "h:443"),
        ("ZEEBE_INSECURE_CONNECTION", "true")
    ]));
    assert!(tls(&[
        ("ZEEBE_ADDRESS", "h:1"),
        ("CAMUNDA_SECURE_CONNECTION", "true")
    ]));
    let credentials = [("ZEEBE_CLIENT_ID", "i"), ("ZEEBE_CLIENT_SECRET", "s")];
    assert!(tls(&[
        ("ZEEBE_ADDRESS", "h:1"),
        credentials[0],
        credentials[1]
    ]));
    assert!(!tls(&[
        ("ZEEBE_ADDRESS", "http://h:1"),
        credentials[0],
        credentials[1]
    ]));
}

#[test]
fn values_that_cannot_be_used_are_named() {
    for (env, part) in [
        (
            ("GITHUB_API_URL", "api.github.com"),
            "GITHUB_API_URL 'api.github.com' is not a URL",
        ),
        (("ZEEBE_REST_ADDRESS", "http://"), "ZEEBE_REST_ADDRESS"),
        (("GITHUB_REPOSITORY", "just-a-name"), "not OWNER/NAME"),
        (("GITHUB_REPOSITORY", "a/b/../c"), "not OWNER/NAME"),
        (
            ("BACKROOM_MESSAGE_TTL", "soon"),
            "BACKROOM_MESSAGE_TTL 'soon' is not a duration",
        ),
        (("BACKROOM_PUSH_DEADLINE", "-5s"), "not a duration"),
        (("BACKROOM_GATEWAY_DEADLINE", "0s"), "not a duration"),
        (("BACKROOM_TEST_ANSWERS", "lose"), "neither drop nor double"),
        (
            ("ZEEBE_INSECURE_CONNECTION", "maybe"),
            "neither true nor false",
        ),
    ] {
        let error = resolve(&[env]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn durations_are_iso_or_friendly() {
    let ttl = |text| {
        resolve(&[("BACKROOM_MESSAGE_TTL", text)])
            .unwrap()
            .message_ttl
    };
    assert_eq!(ttl("PT2H"), Duration::from_secs(7200));
    assert_eq!(ttl("90s"), Duration::from_secs(90));
    assert_eq!(ttl("1m 30s"), Duration::from_secs(90));
}

#[test]
fn test_answers_may_name_an_event_type() {
    let answers = |text| {
        resolve(&[("BACKROOM_TEST_ANSWERS", text)])
            .unwrap()
            .test_answers
            .unwrap()
    };
    assert_eq!(answers("drop").event_type, None);
    assert_eq!(
        answers("double:charge_customer"),
        TestAnswers {
            fault: AnswerFault::Double,
            event_type: Some("charge_customer".to_owned())
        }
    );
}

#[test]
fn a_password_in_a_url_is_refused_or_hidden() {
    for name in ["ZEEBE_REST_ADDRESS", "GITHUB_API_URL", "ZEEBE_ADDRESS"] {
        for url in [
            "https://user:canary@host/",
            "user:canary@host",
            "ftp://canary@host",
        ] {
            let error = resolve(&[(name, url)]).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }
    let repository = "https://x-access-token:canary@github.com/o/r.git";
    let settings = resolve(&[("GHETTODB_REPO", repository)]).unwrap();
    assert_eq!(settings.repository.as_deref(), Some(repository));
    let shown = format!("{settings:?}");
    assert!(!shown.contains("canary") && shown.contains("https://***@github.com/o/r.git"));
    assert_eq!(masked(&[("GHETTODB_REPO", repository)]), ["canary"]);
    assert!(masked(&[("GHETTODB_REPO", "/srv/a@b.git")]).is_empty());
}

/// The texts that a runner's log hides in this environment.
fn masked(variables: &[(&str, &str)]) -> Vec<String> {
    let secrets = secrets(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    let texts = secrets.iter().map(|secret| secret.expose().to_owned());
    texts.collect()
}

#[test]
fn every_field_of_every_secret_is_masked() {
    assert_eq!(
        masked(&[
            ("ZEEBE_CLIENT_ID", "an-id"),
            ("ZEEBE_CLIENT_SECRET", "a-secret"),
            ("CAMUNDA_CLIENT_SECRET", ""),
            ("GITHUB_TOKEN", "ghs_x"),
        ]),
        ["an-id", "a-secret", "ghs_x"]
    );
    let lines = "export ZEEBE_ADDRESS='c.bru-2:443'\nexport ZEEBE_CLIENT_SECRET='s~1'\n\
                 export ZEEBE_INSECURE_CONNECTION='false'";
    assert_eq!(
        masked(&[("ZEEBE_CLIENT_CONFIG", lines)]),
        ["c.bru-2:443", "s~1"]
    );
    let json = r#"{"ZEEBE_CLIENT_SECRET": "s~1", "CAMUNDA_CLUSTER_ID": "cluster-9"}"#;
    assert_eq!(
        masked(&[("ZEEBE_CLIENT_CONFIG", json)]),
        ["cluster-9", "s~1"]
    );
    for broken in [
        r#"{"ZEEBE_CLIENT_SECRET": "s~canary""#,
        "export ZEEBE_CLIENT_SECRET='s~canary",
        "ZEEBE_CLIENT_SECRET s~canary",
    ] {
        assert_eq!(masked(&[("ZEEBE_CLIENT_CONFIG", broken)]), ["s~canary"]);
    }
}
