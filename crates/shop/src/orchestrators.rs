//! Starting orders and restocks: by the orchestrators' own binaries, exactly as a workflow would.
//!
//! What the caller wrote is passed on as it is, so that the errors about it are theirs.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::child;
use crate::failure::{Exit, Failure};
use crate::project::Project;
use crate::session::Session;

/// The form of an order; what is `None` is left to the orchestrator.
#[derive(Clone, Debug, Default)]
pub struct OrderForm {
    /// The order's own id.
    pub id: Option<String>,
    /// Name of the product.
    pub product: String,
    /// How many.
    pub quantity: String,
    /// The customer's e-mail address, which identifies the customer.
    pub customer_email: String,
    /// The customer's name.
    pub customer_name: String,
    /// Where to send it.
    pub customer_address: String,
    /// A provider's token, never a card number.
    pub payment_method: String,
    /// `dispatch` or `grpc`.
    pub variant: Option<String>,
    /// When its alarm is raised, such as `PT10S`.
    pub fulfilment_timeout: Option<String>,
}

/// The form of a restock.
#[derive(Clone, Debug, Default)]
pub struct RestockForm {
    /// The level that each product is set to.
    pub stock_level: String,
    /// Names of products; empty = all.
    pub products: Vec<String>,
    /// All products at once instead of one after another.
    pub parallel: bool,
}

/// Where the orchestrators find gateway and data.
#[derive(Clone, Debug)]
pub struct Orchestrators {
    environment: Vec<(&'static str, String)>,
    /// Where they find the models.
    project: PathBuf,
    dispatch_job_type: Option<String>,
}

impl Orchestrators {
    /// With the same surroundings as the session's command.
    pub fn new(session: &Session) -> Result<Self> {
        let settings = &session.settings;
        let gateway = &settings.gateway;
        let address = if gateway.tls {
            gateway.uri()
        } else {
            gateway.address()
        };
        // They are started in the project's folder, where a relative path would lead elsewhere.
        let repository = settings.repository.as_ref().map(|repository| {
            let path = Path::new(repository);
            let absolute = path
                .exists()
                .then(|| std::path::absolute(path).ok())
                .flatten();
            absolute.map_or_else(|| repository.clone(), |path| path.display().to_string())
        });
        let optional = [
            ("ZEEBE_REST_ADDRESS", &settings.rest_address),
            ("GHETTODB_REPO", &repository),
            ("GHETTODB_BRANCH", &settings.branch),
            ("GITHUB_REPOSITORY", &settings.github_repository),
        ];
        let mut environment = vec![
            ("ZEEBE_ADDRESS", address),
            ("GITHUB_API_URL", settings.github_api_url.clone()),
            (
                "BACKROOM_GATEWAY_DEADLINE",
                format!("{}s", settings.gateway_deadline.as_secs().max(1)),
            ),
        ];
        for (name, value) in optional {
            environment.extend(value.clone().map(|value| (name, value)));
        }
        Ok(Self {
            environment,
            project: Project::find()?.root().to_owned(),
            dispatch_job_type: session
                .addresses
                .as_ref()
                .and_then(|addresses| addresses.dispatch_job_type.clone()),
        })
    }

    /// Places an order; returns its `_id`.
    pub async fn order(&self, form: &OrderForm) -> Result<String> {
        let mut flags = vec![
            ("--product", &form.product),
            ("--quantity", &form.quantity),
            ("--customer-email", &form.customer_email),
            ("--customer-name", &form.customer_name),
            ("--customer-address", &form.customer_address),
            ("--payment-method", &form.payment_method),
        ];
        flags.extend(form.id.as_ref().map(|id| ("--order-id", id)));
        flags.extend(form.variant.as_ref().map(|variant| ("--variant", variant)));
        let timeout = form.fulfilment_timeout.as_ref();
        flags.extend(timeout.map(|timeout| ("--fulfilment-timeout", timeout)));
        let args = flags
            .into_iter()
            .map(|(flag, value)| format!("{flag}={value}"));
        self.run("order-orchestrator", args.collect()).await
    }

    /// Starts an order again whose message expired before a process waited for it.
    pub async fn restart(&self, id: &str) -> Result<String> {
        let args = vec![format!("--restart={id}")];
        self.run("order-orchestrator", args).await
    }

    /// Starts a restock; returns its `_id`.
    pub async fn restock(&self, form: &RestockForm) -> Result<String> {
        let mut args = vec![format!("--stock-level={}", form.stock_level)];
        if !form.products.is_empty() {
            // One a line: a name may hold a comma.
            args.push(format!("--products={}", form.products.join("\n")));
        }
        if form.parallel {
            args.push("--parallel".to_owned());
        }
        self.run("restock-orchestrator", args).await
    }

    async fn run(&self, name: &'static str, mut args: Vec<String>) -> Result<String> {
        let job_type = self.dispatch_job_type.iter();
        args.extend(job_type.map(|job_type| format!("--dispatch-job-type={job_type}")));
        let output = tokio::process::Command::new(child::beside(name)?)
            .arg("run")
            .args(args)
            .current_dir(&self.project)
            .envs(self.environment.iter().cloned())
            // Not a runner's: no workflow commands among the errors.
            .env_remove("GITHUB_ACTIONS")
            .stdin(Stdio::null())
            .output()
            .await
            .with_context(|| format!("cannot start {name}"))?;
        if output.status.success() {
            let answer: Value = serde_json::from_slice(&output.stdout)
                .with_context(|| format!("{name} answered in an unknown shape"))?;
            let id = answer["_id"].as_str();
            return Ok(id
                .with_context(|| format!("{name} gave no _id"))?
                .to_owned());
        }
        let exit = match output.status.code() {
            Some(2) => Exit::Usage,
            Some(3) => Exit::Refused,
            Some(4) => Exit::Unreachable,
            _ => Exit::Fault,
        };
        Err(told(name, &String::from_utf8_lossy(&output.stderr), exit).into())
    }
}

/// The last error that a service told, with its hint, as one of ours.
fn told(name: &str, stderr: &str, exit: Exit) -> Failure {
    let last = |start: &str| {
        let mut lines = stderr.lines().rev();
        lines
            .find_map(|line| line.strip_prefix(start))
            .map(str::trim)
    };
    let message = match last("error: ") {
        Some(message) => message.to_owned(),
        None => format!("{name} failed: {}", stderr.trim()),
    };
    let failure = Failure::new(exit, message);
    match last("hint: ").or_else(|| last("  hint: ")) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orchestrators_error_is_told_in_its_own_words() {
        let stderr = "a log line\nerror: unknown product 'x'\nhint: see db/products\n";
        let failure = told("order-orchestrator", stderr, Exit::Refused);
        assert_eq!(failure.message, "unknown product 'x'");
        assert_eq!(failure.hint.as_deref(), Some("see db/products"));
        let failure = told("order-orchestrator", "panicked\n", Exit::Fault);
        assert_eq!(failure.message, "order-orchestrator failed: panicked");
    }
}
