//! Steps 5 and 6: what happens when a dispatch or an answer gets lost.

use anyhow::{Context, Result};
use shop::engine::{self, Resolved};
use shop::outcome::{self, Alarm, Incident, Instance, Outcome};
use shop::store::Store;

use super::orders::tell_end;
use super::{ALE, PAST_THE_TIMER, T_SHIRT};
use crate::commands::cancel;
use crate::commands::demo::report::Page;
use crate::commands::demo::scene::{Scene, Told, check};

/// Long enough for an order to get to its payment, short enough to be waited for.
const SHORT_TIMER: &str = "PT10S";
/// The operation that goes wrong.
const CHARGE: &str = "charge_customer";

/// D: the dispatch is lost, the alarm is raised, the dispatch is delivered after all.
pub(super) async fn lost_dispatch(store: &Store, scene: &mut Scene, page: &mut Page) -> Result<()> {
    let id = scene.id_of("D");
    scene
        .dispatches
        .add_rule(Some(CHARGE), Some(&id), "drop", Some(1))
        .await?;
    let d = scene.place_impatient("D", ALE, timeout(store)).await?;
    let lost = scene.delivery(&d, CHARGE, &["dropped"]).await?;
    page.say(&format!(
        "order D: 1 x {ALE}: the dispatch {CHARGE} got lost"
    ));
    let incident = raise_alarm(store, scene, page, &d).await?;
    page.fact("incident_key", incident.key.clone());
    page.fact("delivery", lost.id.clone());

    scene.dispatches.redeliver(&lost.id).await?;
    page.say(&format!("redelivered {}", lost.id));
    let outcome = tell_end(scene, page, &d).await?;
    check(outcome == Outcome::Fulfilled, || {
        format!("order D: {outcome:?}")
    })?;
    let key = &scene.until(&d, "its end", |_| true).await?.key;
    let standing = scene.view()?.incidents(Some(key)).await?;
    check(standing.is_empty(), || {
        "order D is done, and its incident still stands".to_owned()
    })?;
    page.say("the incident is gone with it");
    scene.fits_together(&d).await
}

/// E: the answer is lost for good, the operator acknowledges the alarm, and cancels in the end.
pub(super) async fn lost_answer(store: &Store, scene: &mut Scene, page: &mut Page) -> Result<()> {
    let id = scene.id_of("E");
    scene
        .dispatches
        .add_rule(Some(CHARGE), Some(&id), "drop_answer", None)
        .await?;
    let e = scene.place_impatient("E", T_SHIRT, timeout(store)).await?;
    scene.delivery(&e, CHARGE, &["succeeded"]).await?;
    page.say(&format!(
        "order E: 1 x {T_SHIRT}: charged, but the answer got lost"
    ));
    let incident = raise_alarm(store, scene, page, &e).await?;

    let instance = scene.until(&e, "its alarm", alarm_stands).await?;
    let resolved = engine::resolve(&scene.client, &instance.key, &incident).await?;
    check(resolved == Resolved::Alarm, || {
        format!("the alarm was taken for {resolved:?}")
    })?;
    let acknowledged = scene
        .until(&e, "its alarm acknowledged", |instance| {
            matches!(
                outcome::of(instance),
                Outcome::InProgress { ref waits, alarm: Alarm::Acknowledged } if !waits.is_empty()
            )
        })
        .await?;
    let outcome = outcome::of(&acknowledged);
    page.say(&format!(
        "acknowledged; the order is {}",
        outcome.words(engine_now(store).await)
    ));
    page.fact("acknowledged", outcome.json());

    check(engine::cancel(&scene.client, &instance.key).await?, || {
        "order E could not be cancelled".to_owned()
    })?;
    let outcome = scene.ended(&e).await?;
    check(outcome == Outcome::Cancelled, || {
        format!("order E: {outcome:?}")
    })?;
    let books = scene.books()?;
    let records = books.order(&e.id);
    check(
        records.held() == 1 && records.kept_payment().is_some(),
        || "order E was charged, and holds not exactly one piece and one payment".to_owned(),
    )?;
    page.say(&format!(
        "the operator cancels it; {}",
        cancel::in_words(&e.id, &records)
    ));
    page.fact("holds", cancel::holdings(&records));
    Ok(())
}

/// The timer of an order on an engine whose clock cannot be moved; elsewhere the model's own.
fn timeout(store: &Store) -> Option<&'static str> {
    store.addresses.management.is_none().then_some(SHORT_TIMER)
}

/// Sees to it that the order's timer fires, and waits for the incident.
async fn raise_alarm(
    store: &Store,
    scene: &Scene,
    page: &mut Page,
    order: &Told,
) -> Result<Incident> {
    // Only an order that waits can be late: its answer must be what it waits for.
    scene
        .until(order, "waiting for its payment's answer", |instance| {
            let mut active = instance.active.iter();
            active.any(|element| element.kind == "INTERMEDIATE_CATCH_EVENT")
        })
        .await?;
    match store.addresses.management.as_deref() {
        Some(management) => {
            engine::move_clock(management, PAST_THE_TIMER).await?;
            page.say("the engine's clock is moved past the order's timer of five minutes");
        }
        None => page.say(&format!(
            "its timer is set to {SHORT_TIMER}, since this engine's clock is not ours"
        )),
    }
    let instance = scene.until(order, "its alarm", alarm_stands).await?;
    let alarm = instance
        .incidents
        .iter()
        .find(|incident| incident.element_id == outcome::ALARM);
    let alarm = alarm.context("the alarm stood a moment ago")?.clone();
    let Outcome::InProgress { waits, .. } = outcome::of(&instance) else {
        anyhow::bail!("order {} ended by itself", order.label);
    };
    let place = waits.first().context("the order waits nowhere")?;
    let raised = alarm.since.parse().context("no RFC 3339 time")?;
    let waited = outcome::age(&place.since, raised);
    page.say(&format!(
        "incident {} stands: order {} waits at '{}' for {waited}",
        alarm.key, order.label, place.name
    ));
    page.fact("waits_at", place.id.clone());
    page.fact("waited", waited);
    Ok(alarm)
}

fn alarm_stands(instance: &Instance) -> bool {
    let mut incidents = instance.incidents.iter();
    incidents.any(|incident| incident.element_id == outcome::ALARM)
}

async fn engine_now(store: &Store) -> jiff::Timestamp {
    engine::now(store.addresses.management.as_deref()).await
}
