//! Which activities a project is bound to.

use huodong_campaign::{
    Activity, ActivityKind, ActivityStatus, Fen, OrgNo, Organization, ProjectNo,
};
use huodong_store::{ActivityFilter, PageRequest};
use huodong_wire::gongyi::{self as wire, ActivityInfo, ActivityList, Api, XwjRule};

use super::call::{Call, Handler};
use super::refusal::Refusal;

/// The vendor's answer has no pages; an organization that binds one project to more activities
/// than this is told of the newest ones.
const ACTIVITIES_MAX: usize = 200;

/// The activities of the caller's organization that are bound to a project, drafts and ended ones
/// included, as the vendor's list of states has them.
pub(super) struct GetActivityInfo;

impl Handler for GetActivityInfo {
    const API: Api = Api::GetActivityInfo;
    type Request<'a> = wire::GetActivityInfo<'a>;

    async fn handle<'a>(
        call: &'a Call<'a>,
        request: wire::GetActivityInfo<'a>,
    ) -> Result<Vec<u8>, Refusal> {
        let org_no = call.caller.application.org_no.clone();
        let filter = ActivityFilter {
            org_no: Some(org_no.clone()),
            project_no: Some(ProjectNo::from(&*request.project_no)),
            status: None,
        };
        let found = call.read(move |reader| {
            let organization = reader.organization(&org_no)?;
            let mut found = Vec::new();
            let mut page = PageRequest { before: None, limit: ACTIVITIES_MAX };
            // A page may be short, even empty, before the end.
            while found.len() < ACTIVITIES_MAX {
                let part = reader.activities(&filter, page)?;
                found.extend(part.rows);
                match part.next {
                    Some(before) => page.before = Some(before),
                    None => break,
                }
            }
            found.truncate(ACTIVITIES_MAX);
            Ok((organization, found))
        });
        let (organization, found) = found.await?;
        let merchant_no =
            organization.map_or_else(String::new, |found: Organization| found.merchant_no);
        let activity_info = found
            .iter()
            .filter_map(|(activity, frozen, _)| info(activity, *frozen, &merchant_no))
            .collect();
        Ok(call.success(&ActivityList { activity_info }))
    }
}

/// `None` for a kind of activity that this vendor does not know.
fn info<'a>(activity: &'a Activity, frozen: Fen, merchant_no: &'a str) -> Option<ActivityInfo<'a>> {
    let activity_type = match activity.kind {
        ActivityKind::Walk => 1,
        ActivityKind::Points => 2,
        ActivityKind::Direct => 4,
        ActivityKind::Behaviour => 5,
        ActivityKind::Coupon => return None,
    };
    Some(ActivityInfo {
        activity_no: activity.activity_no.as_str().into(),
        activity_type,
        activity_name: activity.name.as_str().into(),
        org_no: OrgNo::as_str(&activity.org_no).into(),
        activity_status: match activity.status {
            ActivityStatus::Draft => 1,
            ActivityStatus::Running => 2,
            ActivityStatus::Paused => 3,
            ActivityStatus::Ended => 4,
        },
        money: frozen.to_string().into(),
        merchant_no: merchant_no.into(),
        project_no_list: activity.projects.iter().map(|project| project.as_str().into()).collect(),
        xwj_rule: activity
            .rules
            .iter()
            .map(|rule| XwjRule {
                content: rule.content.as_str().into(),
                title: rule.title.as_str().into(),
            })
            .collect(),
    })
}
