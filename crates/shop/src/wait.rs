//! Waiting for something to come true elsewhere: looked at again and again, never longer than told.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::failure::{Exit, Failure};

/// Between two looks: a look costs a few requests or a fetch.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks until `look` gives something; after `timeout`, an error that names `what` was waited for.
///
/// A look that fails because somebody cannot be reached counts as one that saw nothing, since
/// that may pass; after the deadline its error is the one that is told.
pub async fn until<T>(
    what: &str,
    timeout: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        let last = match look().await {
            Ok(Some(seen)) => return Ok(seen),
            Ok(None) => None,
            Err(error) if is_passing(&error) => Some(error),
            Err(error) => return Err(error),
        };
        if begun.elapsed() >= timeout {
            let message = format!("waited {} s in vain for: {what}", timeout.as_secs());
            return Err(match last {
                Some(error) => error.context(message),
                None => Failure::new(Exit::Fault, message).into(),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_passing(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_some_and(|failure| failure.exit == Exit::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn looks_again_while_nobody_can_be_reached() {
        let mut looks = 0;
        let seen = until("a thing", Duration::from_secs(5), async || {
            looks += 1;
            match looks {
                1 => Err(Failure::new(Exit::Unreachable, "gone").into()),
                2 => Ok(None),
                _ => Ok(Some(7)),
            }
        });
        assert_eq!(seen.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn gives_up_with_the_name_of_what_was_waited_for() {
        let never = async || Ok(None::<()>);
        let error = until("a thing", Duration::ZERO, never).await.unwrap_err();
        assert_eq!(error.to_string(), "waited 0 s in vain for: a thing");
    }

    #[tokio::test]
    async fn another_error_ends_the_waiting_at_once() {
        let broken = async || Err::<Option<()>, _>(Failure::new(Exit::Fault, "broken").into());
        let error = until("a thing", Duration::MAX, broken).await.unwrap_err();
        assert_eq!(error.to_string(), "broken");
    }
}
