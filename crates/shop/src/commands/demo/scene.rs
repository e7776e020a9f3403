//! What the steps of the story work with: the ways into the store, and the orders placed so far.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ghettodb::{Database, Record};
use messaging::client::Client;
use messaging::settings::Flags;
use serde_json::{Value, json};
use shop::audit::{self, Facts as Known};
use shop::dispatches::{Delivery, Dispatches};
use shop::engine::View;
use shop::ledger::{self, Books};
use shop::orchestrators::{Orchestrators, OrderForm};
use shop::outcome::{self, Instance, Outcome};
use shop::session::Session;
use shop::store::Store;
use shop::wait::until;

/// How long anything in the story may take before it counts as not come true: far more than it
/// takes on a busy machine, and short enough to be told today.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The store as the story sees it.
pub(crate) struct Scene {
    pub(crate) session: Session,
    pub(crate) client: Client,
    /// None where the gateway has no REST API.
    view: Option<View>,
    pub(crate) dispatches: Dispatches,
    pub(crate) orchestrators: Orchestrators,
    pub(crate) database: Database,
    /// The orders of this telling.
    pub(crate) orders: Vec<Told>,
    /// Kind, address and version, for the document.
    pub(crate) engine: Value,
    /// All of its restock and order ids are new, so that a second telling on the same data is no repeat.
    run: String,
}

/// An order of the story.
#[derive(Clone)]
pub(crate) struct Told {
    /// `A`, `B`, ...
    pub(crate) label: String,
    pub(crate) id: String,
    pub(crate) product: String,
    pub(crate) quantity: i64,
    placed: Instant,
    /// From the form to the outcome, or to the last thing that was done about it.
    pub(crate) took: Option<Duration>,
}

impl Scene {
    pub(crate) async fn new(store: &Store, flags: &Flags) -> Result<Self> {
        let session = Session::of_store(&store.folder, &store.addresses, flags)?;
        let view = match session.settings.rest_address {
            Some(_) => Some(session.view()?),
            None => None,
        };
        Ok(Self {
            client: session.client().await?,
            view,
            dispatches: store.dispatches(),
            orchestrators: Orchestrators::new(&session)?,
            database: session.database()?,
            orders: Vec::new(),
            engine: Value::Null,
            run: uuid::Uuid::now_v7().to_string(),
            session,
        })
    }

    /// Whether the engine can be asked.
    pub(crate) fn has_view(&self) -> bool {
        self.view.is_some()
    }

    pub(crate) fn view(&self) -> Result<&View> {
        self.view.as_ref().context("the gateway has no REST API")
    }

    pub(crate) fn books(&mut self) -> Result<Books> {
        Books::fetch(&mut self.database)
    }

    /// The id that the order of this label has, known before it is placed.
    pub(crate) fn id_of(&self, label: &str) -> String {
        format!("{}-{label}", self.run)
    }

    /// Places an order with a card.
    pub(crate) async fn place(
        &mut self,
        label: &str,
        product: &str,
        quantity: i64,
        card: &str,
    ) -> Result<Told> {
        self.place_with(label, product, quantity, |form| {
            form.payment_method = card.to_owned();
        })
        .await
    }

    /// Places an order whose alarm is raised after this time, by a card that pays.
    pub(crate) async fn place_impatient(
        &mut self,
        label: &str,
        product: &str,
        timeout: Option<&str>,
    ) -> Result<Told> {
        self.place_with(label, product, 1, |form| {
            form.fulfilment_timeout = timeout.map(str::to_owned);
        })
        .await
    }

    async fn place_with(
        &mut self,
        label: &str,
        product: &str,
        quantity: i64,
        fill_in: impl FnOnce(&mut OrderForm),
    ) -> Result<Told> {
        let told = Told {
            label: label.to_owned(),
            id: self.id_of(label),
            product: product.to_owned(),
            quantity,
            placed: Instant::now(),
            took: None,
        };
        let mut form = form(&told);
        fill_in(&mut form);
        self.orders.push(told.clone());
        let id = self.orchestrators.order(&form).await?;
        if id != told.id {
            bail!("order {label} got the id '{id}' instead of '{}'", told.id);
        }
        Ok(told)
    }

    /// Places several orders for the same thing at the same moment.
    pub(crate) async fn place_at_once(
        &mut self,
        labels: &[&str],
        product: &str,
        quantity: i64,
    ) -> Result<Vec<Told>> {
        let mut placing = tokio::task::JoinSet::new();
        let mut told = Vec::new();
        for label in labels {
            let order = Told {
                label: (*label).to_owned(),
                id: self.id_of(label),
                product: product.to_owned(),
                quantity,
                placed: Instant::now(),
                took: None,
            };
            let (orchestrators, form) = (self.orchestrators.clone(), form(&order));
            placing.spawn(async move { orchestrators.order(&form).await });
            told.push(order);
        }
        self.orders.extend(told.iter().cloned());
        while let Some(placed) = placing.join_next().await {
            placed.context("an order's placing broke off")??;
        }
        Ok(told)
    }

    /// Waits until an order's instance looks as wanted.
    pub(crate) async fn until(
        &self,
        order: &Told,
        what: &str,
        wanted: impl Fn(&Instance) -> bool,
    ) -> Result<Instance> {
        let view = self.view()?;
        let what = format!("order {}: {what}", order.label);
        until(&what, PATIENCE, async || {
            let instance = view.order(&order.id).await?;
            Ok(instance.filter(|instance| wanted(instance)))
        })
        .await
    }

    /// Waits for an order's end, and notes how long it took from its form on.
    pub(crate) async fn ended(&mut self, order: &Told) -> Result<Outcome> {
        let instance = self
            .until(order, "its end", |instance| {
                outcome::of(instance).is_final()
            })
            .await?;
        self.note_time(order);
        Ok(outcome::of(&instance))
    }

    /// Notes that this is as far as the order's story went.
    pub(crate) fn note_time(&mut self, order: &Told) {
        let noted = self.orders.iter_mut().find(|noted| noted.id == order.id);
        if let Some(noted) = noted {
            noted.took = Some(noted.placed.elapsed());
        }
    }

    /// Waits until the dispatcher has taken an order's event, in one of these states.
    pub(crate) async fn delivery(
        &self,
        order: &Told,
        event_type: &str,
        states: &[&str],
    ) -> Result<Delivery> {
        let what = format!(
            "order {}: dispatch {event_type} {}",
            order.label,
            states.join(" or ")
        );
        until(&what, PATIENCE, async || {
            let deliveries = self.dispatches.deliveries(Some(&order.id)).await?;
            Ok(deliveries.into_iter().find(|delivery| {
                delivery.event_type == event_type && states.contains(&delivery.state.as_str())
            }))
        })
        .await
    }

    /// Fails if anything about an order doesn't fit together.
    pub(crate) async fn fits_together(&mut self, order: &Told) -> Result<()> {
        let (_, problems) = self.examine(order).await?;
        check(problems.is_empty(), || {
            format!("order {}: {}", order.label, problems.join("; "))
        })
    }

    /// An order for the document, and what of it doesn't fit together.
    pub(crate) async fn examine(&mut self, order: &Told) -> Result<(Value, Vec<String>)> {
        let books = self.books()?;
        let commits = ledger::commits(&mut self.database)?;
        let own = ledger::commits_of(&books.order(&order.id), &commits);
        let instance = self.view()?.order(&order.id).await?;
        let instance = instance.with_context(|| format!("order {} is gone", order.label))?;
        let elements = self.view()?.history(&instance.key).await?;
        let deliveries = self.dispatches.deliveries(Some(&order.id)).await?;
        let audit = audit::of(&Known {
            id: &order.id,
            instance: Some(&instance),
            elements: &elements,
            deliveries: &deliveries,
            books: &books,
            commits: &own,
        });
        let mut document = json!({
            "label": order.label,
            "_id": order.id,
            "product": order.product,
            "quantity": order.quantity,
            "process_instance_key": instance.key,
            "duration_ms": order.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            "elements": elements.iter().map(|element| &element.element_id).collect::<Vec<_>>(),
            "commits": own.iter().map(|commit| &commit.id).collect::<Vec<_>>(),
        });
        if let (Value::Object(document), Value::Object(outcome)) =
            (&mut document, outcome::of(&instance).json())
        {
            document.extend(outcome);
        }
        Ok((document, audit.problems))
    }
}

/// A card that pays, and one that doesn't.
pub(crate) const VISA: &str = "pm_card_visa";
pub(crate) const DECLINED: &str = "pm_card_chargeDeclined";

/// The form of an order, paid by a card that pays.
fn form(order: &Told) -> OrderForm {
    let label = &order.label;
    OrderForm {
        id: Some(order.id.clone()),
        product: order.product.clone(),
        quantity: order.quantity.to_string(),
        customer_email: format!("customer-{}@example.com", label.to_lowercase()),
        customer_name: format!("Customer {label}"),
        customer_address: format!("{label} Street 1, Springfield"),
        payment_method: VISA.to_owned(),
        ..OrderForm::default()
    }
}

/// A condition that must hold at the end of a step.
pub(crate) fn check(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { bail!("{}", what()) }
}

/// A record's field as text, for words.
pub(crate) fn field<'a>(record: &'a Record, name: &str) -> &'a str {
    ledger::text(record, name)
}
