//! Dry runs, and what can be done when one is refused.

use manifest::Object;
use serde_json::Value;

use crate::{
    ApiError, ObjectCause, ObjectError,
    apply::Run,
    immutable::is_immutable,
    probe::{Plan, Step, Target, skipped},
    request::{APPLY_PATCH, Answer, Call, JSON_PATCH},
    takeover, unknown_fields,
};

impl Run<'_> {
    /// A dry run; with it the object that was sent, when fields the server does not know were dropped.
    pub(super) async fn dry_run(&self, target: &Target<'_>) -> Result<(Answer, Option<Object>), ApiError> {
        let path = self.apply_path(&target.path, true);
        let mut stripped: Option<Object> = None;
        for _ in 0..unknown_fields::ROUNDS {
            let object = stripped.as_ref().unwrap_or(target.object);
            match self.session.send(&Call::patch(&path, APPLY_PATCH, object.value())).await {
                Ok(answer) => return Ok((answer, stripped)),
                Err(error) => match unknown_fields::without(object, &error) {
                    Some(object) => stripped = Some(object),
                    None => return Err(error),
                },
            }
        }
        let object = stripped.as_ref().unwrap_or(target.object);
        let answer = self.session.send(&Call::patch(&path, APPLY_PATCH, object.value())).await?;
        Ok((answer, stripped))
    }

    pub(crate) fn apply_path(&self, path: &str, dry_run: bool) -> String {
        let manager = crate::discovery::segment(&self.session.cluster.settings.field_manager);
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        format!("{path}?fieldManager={manager}&force=true{dry_run}")
    }

    pub(super) async fn live(&self, target: &Target<'_>) -> Result<Option<Value>, ObjectError> {
        let read = self.session.read(&target.path).await;
        read.map_err(|error| ObjectError::new(target.object, ObjectCause::Query(error)))
    }

    pub(super) async fn plan_refused(
        &self,
        target: &Target<'_>,
        error: ApiError,
    ) -> Result<Plan, ObjectError> {
        if error.is_not_found() || error.is_transient() {
            return Err(ObjectError::new(target.object, ObjectCause::DryRun(error)));
        }
        let live = self.live(target).await.unwrap_or(None);
        if let Some(live) = live.as_ref().filter(|live| self.is_skipped(target.object, live)) {
            return Ok(skipped(target.object, Some(self.seen(live))));
        }
        self.recover(target, error, live).await
    }

    /// What can be done after a dry run that the server refused.
    pub(super) async fn recover(
        &self,
        target: &Target<'_>,
        error: ApiError,
        live: Option<Value>,
    ) -> Result<Plan, ObjectError> {
        match self.migrated(target, &error, live.as_ref()).await {
            Some((answer, object)) => {
                let target = Target { object: object.as_ref().unwrap_or(target.object), ..target.clone() };
                self.plan_by_result(&target, answer).await
            }
            None => self.refused(target, error, live),
        }
    }

    /// The outcome of a dry run after the live object's managedFields were brought to the version that is
    /// applied, where that was what it failed for.
    async fn migrated(
        &self,
        target: &Target<'_>,
        error: &ApiError,
        live: Option<&Value>,
    ) -> Option<(Answer, Option<Object>)> {
        let failure = error.failure().filter(|failure| unknown_fields::is_undeclared(&failure.message));
        let patch = takeover::migration(live.filter(|_| failure.is_some())?, target.object.api_version())?;
        self.may_write(target.object).ok()?;
        let manager = crate::discovery::segment(&self.session.cluster.settings.field_manager);
        let call = Call::patch(format!("{}?fieldManager={manager}", target.path), JSON_PATCH, &patch);
        self.session.send(&call).await.ok()?;
        self.dry_run(target).await.ok()
    }

    fn refused(
        &self,
        target: &Target<'_>,
        error: ApiError,
        live: Option<Value>,
    ) -> Result<Plan, ObjectError> {
        match live {
            Some(live) if is_immutable(&error) && self.is_forced(target.object, &live) => {
                Ok(target.write(Step::Recreate, Some(live), None))
            }
            _ => Err(ObjectError::new(target.object, ObjectCause::DryRun(error))),
        }
    }
}
