//! The `authentication` fields of a job: the only place of it where secrets are filled in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Map, Value};

use crate::job::{Error, FORM, header_name, header_value, input, parse_url, text};
use crate::mask::{Mask, url_form};
use crate::models::Named;
use crate::oauth::TokenRequest;
use crate::request::{Call, Credential};
use crate::secrets::{Field, Secrets};

/// What Camunda's element templates once wrote for a password that is empty.
const EMPTY_PASSWORD: &str = "SPEC_PASSWORD_EMPTY_PATTERN";

/// What stands in the authentication fields of a call, by name; for advice when it is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Secrets that were filled in.
    pub(crate) secrets: Vec<String>,
    /// Placeholders that stayed text, since the deployed model does not name them there.
    pub(crate) left: Vec<String>,
}

/// Fills in the fields of `authentication`.
pub(crate) struct Authentication<'a> {
    pub(crate) fields: Map<String, Value>,
    pub(crate) secrets: &'a Secrets,
    pub(crate) mask: &'a mut Mask,
    /// What the deployed model allows to be filled in.
    pub(crate) named: &'a Named,
    pub(crate) proof: Proof,
}

impl Authentication<'_> {
    /// Puts the credentials into a call, or says how to get a token for it.
    pub(crate) fn apply(&mut self, call: &mut Call) -> Result<Option<TokenRequest>, Error> {
        let kind = text(&self.fields, "type")
            .map_err(|_| input("authentication.type", "must be a text"))?
            .unwrap_or_else(|| "noAuth".to_owned());
        match kind.as_str() {
            "noAuth" => {}
            "bearer" => {
                let token = self.secret(Field::Token, &call.url)?;
                call.credentials.push(self.bearer(&token)?);
            }
            "basic" => {
                let username = self.secret(Field::Username, &call.url)?;
                let password = match text(&self.fields, "password") {
                    // A user without a password is as good: many APIs take a key as the user.
                    Ok(None) => String::new(),
                    Ok(Some(text)) if text == EMPTY_PASSWORD => String::new(),
                    _ => self.secret(Field::Password, &call.url)?,
                };
                call.credentials.push(self.basic(&username, &password)?);
            }
            "apiKey" => call.credentials.push(self.api_key(&call.url)?),
            "oauth-client-credentials-flow" => return self.client_credentials(call).map(Some),
            other => {
                let known = "noAuth, basic, bearer, apiKey, oauth-client-credentials-flow";
                let problem = format!("is '{other}', which is none of {known}");
                return Err(input("authentication.type", problem));
            }
        }
        Ok(None)
    }

    /// A field that may hold a secret's placeholder, filled in for a URL.
    fn secret(&mut self, field: Field, url: &Url) -> Result<String, Error> {
        let template = self.plain(field.name())?;
        let filled = self.secrets.fill(&template, field, url, self.named)?;
        self.proof.secrets.extend(filled.secrets);
        self.proof.left.extend(filled.left);
        Ok(filled.text)
    }

    /// A field that must be there.
    fn plain(&self, field: &str) -> Result<String, Error> {
        let name = format!("authentication.{field}");
        let value = text(&self.fields, field).map_err(|_| input(&name, "must be a text"))?;
        value.ok_or_else(|| input(&name, "is missing"))
    }

    fn bearer(&mut self, token: &str) -> Result<Credential, Error> {
        let value = header_value("authentication.token", &format!("Bearer {}", token.trim()))?;
        Ok(Credential::Header(header::AUTHORIZATION, value))
    }

    fn basic(&mut self, username: &str, password: &str) -> Result<Credential, Error> {
        if username.contains(':') {
            return Err(input("authentication.username", "must not hold a colon"));
        }
        let pair = STANDARD.encode(format!("{username}:{password}"));
        self.mask.add(&pair);
        let value = header_value("authentication", &format!("Basic {pair}"))?;
        Ok(Credential::Header(header::AUTHORIZATION, value))
    }

    fn api_key(&mut self, url: &Url) -> Result<Credential, Error> {
        let name = self.plain("name")?;
        let value = self.secret(Field::Value, url)?;
        match self.plain("apiKeyLocation")?.as_str() {
            "query" => Ok(Credential::Query(name, value)),
            "headers" => {
                let name = header_name("authentication.name", &name)?;
                Ok(Credential::Header(
                    name,
                    header_value("authentication.value", &value)?,
                ))
            }
            _ => Err(input(
                "authentication.apiKeyLocation",
                "must be 'headers' or 'query'",
            )),
        }
    }

    fn client_credentials(&mut self, call: &Call) -> Result<TokenRequest, Error> {
        let endpoint = "authentication.oauthTokenEndpoint";
        let url = parse_url(endpoint, &self.plain("oauthTokenEndpoint")?)?;
        let id = self.secret(Field::ClientId, &url)?;
        let secret = self.secret(Field::ClientSecret, &url)?;
        let mut form = vec![("grant_type", "client_credentials".to_owned())];
        for (name, field) in [("audience", "audience"), ("scope", "scopes")] {
            let value = text(&self.fields, field)
                .map_err(|_| input(&format!("authentication.{field}"), "must be a text"))?;
            form.extend(value.filter(|v| !v.is_empty()).map(|value| (name, value)));
        }
        let mut credentials = Vec::new();
        let way = text(&self.fields, "clientAuthentication");
        match way.ok().flatten().as_deref().unwrap_or("basicAuthHeader") {
            "basicAuthHeader" => credentials.push(self.basic(&url_form(&id), &url_form(&secret))?),
            "credentialsBody" => form.extend([("client_id", id), ("client_secret", secret)]),
            _ => {
                return Err(input(
                    "authentication.clientAuthentication",
                    "must be 'basicAuthHeader' or 'credentialsBody'",
                ));
            }
        }
        let body: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", url_form(value)))
            .collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(TokenRequest {
            call: Call {
                method: Method::POST,
                url,
                headers,
                body: Some(body.join("&").into_bytes()),
                credentials,
                connect_timeout: call.connect_timeout,
                read_timeout: call.read_timeout,
                follow_redirects: false,
            },
        })
    }
}
