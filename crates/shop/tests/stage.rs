//! What the tests stand on: a store of their own, in a folder that goes with them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use ghettodb::Database;
use messaging::client::Client;
use messaging::settings::Flags;
use serde_json::Value;
use shop::audit::{self, Facts};
use shop::books::PRODUCTS;
use shop::engine::{View, move_clock};
use shop::folder::Folder;
use shop::ledger::{self, Books};
use shop::orchestrators::{Orchestrators, OrderForm, RestockForm};
use shop::outcome::{self, Instance, Outcome, State};
use shop::session::Session;
use shop::store::{Dispatching, Plan, Ports, Store};
use shop::wait::until;
use tempfile::TempDir;

pub(crate) const T_SHIRT: &str = PRODUCTS[0].0;
pub(crate) const ALE: &str = PRODUCTS[1].0;
pub(crate) const BOOK: &str = PRODUCTS[2].0;
pub(crate) const VISA: &str = "pm_card_visa";
pub(crate) const DECLINED: &str = "pm_card_chargeDeclined";

/// The two ways to fulfil an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Each operation is a dispatch, and its answer a message.
    Dispatch,
    /// Each operation is a job of a long-lived worker.
    Grpc,
}

impl Variant {
    /// Its name in forms and flags.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Variant::Dispatch => "dispatch",
            Variant::Grpc => "grpc",
        }
    }

    /// As [`form`], for this variant.
    pub(crate) fn form(self, id: &str, product: &str, quantity: u32, card: &str) -> OrderForm {
        OrderForm {
            variant: Some(self.word().to_owned()),
            ..form(id, product, quantity, card)
        }
    }
}

/// Makes tests of a scenario that holds for both variants: a function that takes the variant.
macro_rules! both_variants {
    ($scenario:ident) => {
        mod $scenario {
            use crate::stage::Variant;

            #[tokio::test(flavor = "multi_thread")]
            async fn by_dispatches() {
                super::$scenario(Variant::Dispatch).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn by_workers() {
                super::$scenario(Variant::Grpc).await;
            }
        }
    };
}
pub(crate) use both_variants;

/// How long anything may take before a test fails: on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(300);
/// A worker has a job for half a minute more than a push may take: two minutes and a half.
const JOB_TIMEOUT: Duration = Duration::from_secs(151);

/// Whether slow tests are wanted; says so where they aren't.
pub(crate) fn slow(test: &str) -> bool {
    let wanted = std::env::var_os("RUN_SLOW_TESTS").is_some_and(|value| value == "1");
    if !wanted {
        // Not `println!`: the test harness would keep it to itself.
        let words = format!("{test}: skipped, it runs a whole store; set RUN_SLOW_TESTS=1\n");
        std::io::stderr().write_all(words.as_bytes()).unwrap();
    }
    wanted
}

/// A store, and the ways into it.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) view: View,
    pub(crate) orchestrators: Orchestrators,
    pub(crate) database: Database,
    _root: TempDir,
}

impl Stage {
    /// A store without workers.
    pub(crate) async fn open() -> Result<Self> {
        Self::open_for(Variant::Dispatch).await
    }

    /// A store in which orders of this variant are fulfilled.
    pub(crate) async fn open_for(variant: Variant) -> Result<Self> {
        let root = tempfile::tempdir()?;
        let folder = Folder::at(root.path())?;
        let store = Store::start(Plan {
            records: Some(folder.join("records.jsonl")),
            folder,
            ports: Ports::default(),
            gateway: None,
            workers: variant == Variant::Grpc,
            dispatching: Dispatching::default(),
        })
        .await?;
        let flags = Flags {
            // Longer than any restart of the broker.
            gateway_deadline: Some("2m".to_owned()),
            ..Flags::default()
        };
        let session = Session::of_store(&store.folder, &store.addresses, &flags)?;
        Ok(Self {
            client: session.client().await?,
            view: session.view()?,
            orchestrators: Orchestrators::new(&session)?,
            database: session.database()?,
            store,
            _root: root,
        })
    }

    pub(crate) fn books(&mut self) -> Result<Books> {
        Books::fetch(&mut self.database)
    }

    /// Sets these products to a level, and waits until they are.
    pub(crate) async fn restock(&self, level: u32, products: &[&str]) -> Result<()> {
        let form = RestockForm {
            stock_level: level.to_string(),
            products: products
                .iter()
                .map(|product| (*product).to_owned())
                .collect(),
            parallel: false,
        };
        self.restocked(&form).await
    }

    /// Starts a restock and waits for its end.
    pub(crate) async fn restocked(&self, form: &RestockForm) -> Result<()> {
        let id = self.orchestrators.restock(form).await?;
        until("the end of the restock", PATIENCE, async || {
            let instance = self.view.order(&id).await?;
            Ok(instance.filter(|instance| instance.state == State::Completed))
        })
        .await
        .map(drop)
    }

    /// Waits for the end of an order.
    pub(crate) async fn ended(&self, id: &str) -> Result<Outcome> {
        let instance = self
            .until(id, |instance| outcome::of(instance).is_final())
            .await?;
        Ok(outcome::of(&instance))
    }

    /// Waits until an order's instance looks as wanted.
    pub(crate) async fn until(
        &self,
        id: &str,
        wanted: impl Fn(&Instance) -> bool,
    ) -> Result<Instance> {
        until(&format!("order {id}"), PATIENCE, async || {
            let instance = self.view.order(id).await?;
            Ok(instance.filter(|instance| wanted(instance)))
        })
        .await
    }

    /// Everything that doesn't fit together of an order.
    pub(crate) async fn problems(&mut self, id: &str) -> Result<Vec<String>> {
        let books = self.books()?;
        let commits = ledger::commits(&mut self.database)?;
        let own = ledger::commits_of(&books.order(id), &commits);
        let instance = self.view.order(id).await?;
        let elements = match &instance {
            Some(instance) => self.view.history(&instance.key).await?,
            None => Vec::new(),
        };
        let deliveries = self.store.dispatches().deliveries(Some(id)).await?;
        let audit = audit::of(&Facts {
            id,
            instance: instance.as_ref(),
            elements: &elements,
            deliveries: &deliveries,
            books: &books,
            commits: &own,
        });
        Ok(audit.problems)
    }

    /// Lets the jobs that a killed process had in hand time out, long before any alarm.
    pub(crate) async fn time_jobs_out(&self) -> Result<()> {
        let management = self.store.addresses.management.as_deref();
        move_clock(management.context("no management")?, JOB_TIMEOUT).await
    }

    /// Position and hash of the engine's state, from its management port.
    pub(crate) async fn state(&self) -> Result<Value> {
        let management = self.store.addresses.management.as_deref();
        let url = format!(
            "{}/_backroom/state-hash",
            management.context("no management")?
        );
        Ok(reqwest::get(url).await?.error_for_status()?.json().await?)
    }
}

/// An order's form, with its id as the customer's name.
pub(crate) fn form(id: &str, product: &str, quantity: u32, card: &str) -> OrderForm {
    OrderForm {
        id: Some(id.to_owned()),
        product: product.to_owned(),
        quantity: quantity.to_string(),
        customer_email: format!("{id}@example.com"),
        customer_name: id.to_owned(),
        customer_address: "1 Main Street".to_owned(),
        payment_method: card.to_owned(),
        ..OrderForm::default()
    }
}

/// One of our programs, with an environment that names nothing of this machine's stores.
pub(crate) fn program(name: &str) -> Command {
    let path = shop::beside(name).expect("the programs are built");
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["ZEEBE_", "CAMUNDA_", "GHETTODB_", "GITHUB_", "BACKROOM_"];
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The `shop` program on a data folder.
pub(crate) fn shop(data: &Path, args: &[&str]) -> Command {
    let mut command = program("shop");
    command.arg("--data").arg(data).args(args);
    command
}

/// Exit code, standard output and standard error as text.
pub(crate) fn run(mut command: Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("programs print UTF-8");
    (
        status.code().expect("no signal ended it"),
        text(stdout),
        text(stderr),
    )
}
