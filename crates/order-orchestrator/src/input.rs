//! What an order is made of: flags or a form in, a checked order out.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use messaging::mode::Failure;
use messaging::payload::{Fields, QUANTITY_MAX, Refusal, form_number};
use messaging::settings::Flags;
use messaging::start::{self, Inputs, duration};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Where the order comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// From flags.
    Run,
    /// From the form in the file that GITHUB_EVENT_PATH names.
    Action,
}

/// Places an order: writes its record, deploys its model and starts its process. Prints JSON.
#[derive(Debug, Parser)]
#[command(name = "order-orchestrator", version = build_info::VERSION)]
pub(crate) struct Cli {
    /// Where the order comes from.
    #[arg(value_enum, default_value = "run")]
    mode: Mode,
    /// Name of the product, as in table products.
    #[arg(long, value_name = "NAME")]
    product: Option<String>,
    /// How many.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    quantity: Option<String>,
    /// The customer's e-mail address, which identifies the customer.
    #[arg(long, value_name = "ADDRESS")]
    customer_email: Option<String>,
    /// The customer's name.
    #[arg(long, value_name = "NAME")]
    customer_name: Option<String>,
    /// Where to send it.
    #[arg(long, value_name = "TEXT")]
    customer_address: Option<String>,
    /// Token of the payment provider such as pm_card_visa; never a card number.
    #[arg(long, value_name = "TOKEN")]
    payment_method: Option<String>,
    /// The order's own id; the same id twice is one order [default: a new UUID].
    #[arg(long, value_name = "ID")]
    order_id: Option<String>,
    /// How its tasks reach the services [default: dispatch].
    #[arg(long, value_name = "dispatch|grpc")]
    variant: Option<String>,
    /// When an alarm is raised for the order, such as PT300S or 5m [default: the model's].
    #[arg(long, value_name = "DURATION")]
    fulfilment_timeout: Option<String>,
    /// Job type of its dispatch tasks [default: the model's].
    #[arg(long, value_name = "TYPE")]
    dispatch_job_type: Option<String>,
    /// The model to deploy [default: the variant's in workflows/].
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// Start an order again whose message expired; looks first whether a process instance exists.
    #[arg(long, value_name = "ID", conflicts_with = "order_id")]
    pub(crate) restart: Option<String>,
    /// Wait for the outcome, at most this long, and show it; needs the REST API.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "10m", value_parser = patience)]
    pub(crate) wait: Option<Duration>,
    /// JSON alone: nothing for people on standard error.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Flags,
}

fn patience(text: &str) -> Result<Duration, String> {
    messaging::settings::parse_duration(text)
        .ok_or_else(|| "not a duration above zero such as 90s or 10m".to_owned())
}

/// The inputs of the form, in the order in which messages name them.
pub(crate) const INPUTS: [&str; 8] = [
    "product",
    "quantity",
    "customer_email",
    "customer_name",
    "customer_address",
    "payment_method",
    "order_id",
    "variant",
];

impl Cli {
    /// Whether this is a step of a workflow.
    pub(crate) fn is_action(&self) -> bool {
        matches!(self.mode, Mode::Action)
    }

    /// The form's values, from flags or from the event; flags stand before the event.
    pub(crate) fn inputs(&self) -> Result<Given, Failure> {
        let flags = [
            ("product", &self.product),
            ("quantity", &self.quantity),
            ("customer_email", &self.customer_email),
            ("customer_name", &self.customer_name),
            ("customer_address", &self.customer_address),
            ("payment_method", &self.payment_method),
            ("order_id", &self.order_id),
            ("variant", &self.variant),
            ("fulfilment_timeout", &self.fulfilment_timeout),
            ("dispatch_job_type", &self.dispatch_job_type),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        let event = match self.mode {
            Mode::Run => None,
            Mode::Action => Some(Inputs::from_event(&INPUTS)?.or("order_id", start::run_id())),
        };
        Ok(Given {
            first: Inputs::new(flags)?,
            then: event,
        })
    }
}

/// Values from flags, and behind them from an event or from what is stored.
#[derive(Debug)]
pub(crate) struct Given {
    first: Inputs,
    then: Option<Inputs>,
}

impl Given {
    /// With these values behind those that were given.
    pub(crate) fn or(self, stored: Vec<(&str, String)>) -> Result<Given, Refusal> {
        let stored = stored
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Ok(Given {
            first: self.first,
            then: Some(Inputs::new(stored)?),
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        let then = || self.then.as_ref().and_then(|inputs| inputs.get(name));
        self.first.get(name).or_else(then)
    }
}

/// How an order's tasks reach the services: the two models of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Each task dispatches an event; a run of a workflow answers with a message.
    Dispatch,
    /// Each task is a job of a long-lived worker.
    Grpc,
}

impl Variant {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Variant::Dispatch => "dispatch",
            Variant::Grpc => "grpc",
        }
    }

    /// Name of the message that starts it.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Variant::Dispatch => "ORDER_PLACED",
            Variant::Grpc => "ORDER_PLACED_GRPC",
        }
    }

    /// Its file in `workflows/`.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Variant::Dispatch => "order-fulfilment.bpmn",
            Variant::Grpc => "order-fulfilment-grpc.bpmn",
        }
    }
}

/// An order as it was asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) id: String,
    pub(crate) product: String,
    pub(crate) quantity: i64,
    pub(crate) customer_email: String,
    pub(crate) customer_name: String,
    pub(crate) customer_address: String,
    pub(crate) payment_method: String,
    pub(crate) variant: Variant,
    /// ISO 8601.
    pub(crate) fulfilment_timeout: Option<String>,
    pub(crate) dispatch_job_type: Option<String>,
}

impl Form {
    pub(crate) fn read(given: &Given) -> Result<Form, Refusal> {
        let names = &INPUTS[..6];
        let texts: Map<_, _> = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), Value::from(given.get(name)?))))
            .collect();
        let fields = Fields::of(&texts, "order", names)?;
        let optional_line = |name: &str| match given.get(name) {
            None => Ok(None),
            Some(text) => {
                let text = Map::from_iter([(name.to_owned(), Value::from(text))]);
                Fields::of(&text, "order", &[name])?.line(name).map(Some)
            }
        };
        let quantity = given.get("quantity").unwrap_or_default();
        Ok(Form {
            id: optional_line("order_id")?.unwrap_or_else(|| Uuid::now_v7().to_string()),
            product: fields.product("product")?,
            quantity: form_number("quantity", quantity, 1..=QUANTITY_MAX)?,
            customer_email: fields.email("customer_email")?,
            customer_name: fields.text("customer_name")?,
            customer_address: fields.text("customer_address")?,
            payment_method: fields.payment_token("payment_method")?,
            variant: match given.get("variant") {
                None | Some("dispatch") => Variant::Dispatch,
                Some("grpc") => Variant::Grpc,
                Some(_) => {
                    return Err(Refusal::field(
                        "variant",
                        "dispatch or grpc",
                        "another text",
                    ));
                }
            },
            fulfilment_timeout: given
                .get("fulfilment_timeout")
                .map(|text| duration("fulfilment_timeout", text))
                .transpose()?,
            dispatch_job_type: optional_line("dispatch_job_type")?,
        })
    }

    /// The order's idempotency key.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.id, crate::order::OPERATION)
    }

    /// All that was asked for, by the names of the form.
    pub(crate) fn content(&self) -> Map<String, Value> {
        Map::from_iter(
            [
                ("product", Value::from(self.product.as_str())),
                ("quantity", Value::from(self.quantity)),
                ("customer_email", Value::from(self.customer_email.as_str())),
                ("customer_name", Value::from(self.customer_name.as_str())),
                (
                    "customer_address",
                    Value::from(self.customer_address.as_str()),
                ),
                ("payment_method", Value::from(self.payment_method.as_str())),
                ("variant", Value::from(self.variant.as_str())),
                (
                    "fulfilment_timeout",
                    Value::from(self.fulfilment_timeout.clone()),
                ),
                (
                    "dispatch_job_type",
                    Value::from(self.dispatch_job_type.clone()),
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: [(&str, &str); 6] = [
        ("product", "Real-Life BPMN Book"),
        ("quantity", "2"),
        ("customer_email", "ada@example.com"),
        ("customer_name", "Ada"),
        ("customer_address", "1 Engine Street"),
        ("payment_method", "pm_card_visa"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Form, String> {
        let mut values: Map<_, _> = ORDER
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .into_iter()
            .collect();
        for (name, value) in changes {
            values.insert((*name).to_owned(), Value::from(*value));
        }
        let texts = values
            .into_iter()
            .map(|(name, value)| (name, value.as_str().unwrap().to_owned()));
        let first = Inputs::new(texts).map_err(|refusal| refusal.to_string())?;
        Form::read(&Given { first, then: None }).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn an_order_is_read_from_texts() {
        let form = read(&[]).unwrap();
        assert_eq!(form.quantity, 2);
        assert_eq!(form.variant, Variant::Dispatch);
        assert_eq!(form.fulfilment_timeout, None);
        assert_ne!(form.id, read(&[]).unwrap().id, "each order has its own id");
        let form = read(&[
            ("variant", "grpc"),
            ("order_id", "o-1"),
            ("fulfilment_timeout", "2s"),
        ])
        .unwrap();
        assert_eq!((form.variant, form.id.as_str()), (Variant::Grpc, "o-1"));
        assert_eq!(form.fulfilment_timeout.as_deref(), Some("PT2S"));
    }

    #[test]
    fn refusals_name_the_input() {
        for (name, value, words) in [
            (
                "quantity",
                "0",
                "'quantity' must be a whole number from 1 to 1000000, but is 0",
            ),
            ("quantity", "-1", "'quantity'"),
            (
                "quantity",
                "two",
                "'quantity' must be a whole number from 1 to 1000000, but is another text",
            ),
            ("quantity", "", "order: missing field 'quantity'"),
            (
                "customer_email",
                "ada",
                "'customer_email' must be an e-mail address",
            ),
            (
                "payment_method",
                "4242424242424242",
                "'payment_method' must be a token",
            ),
            (
                "customer_name",
                "{{secrets.GitHubToken}}",
                "'customer_name' must be free of placeholders",
            ),
            (
                "order_id",
                "camunda.secrets.X",
                "'order_id' must be free of placeholders",
            ),
            ("product", "a\nb", "'product'"),
            (
                "variant",
                "carrier pigeon",
                "'variant' must be dispatch or grpc",
            ),
            (
                "fulfilment_timeout",
                "soon",
                "'fulfilment_timeout' must be a duration",
            ),
        ] {
            let refusal = read(&[(name, value)]).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
            assert!(!refusal.contains("4242"), "{refusal}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
