//! Organizations, applications, bids, projects and activities.

use std::collections::HashMap;

use huodong_campaign::{
    Activity, ActivityNo, AppId, Application, Bid, BidGrant, Fen, OrgNo, Organization, Project,
    ProjectNo,
};

use super::super::rows;
use super::Reader;
use super::paging::List;
use crate::{ActivityFilter, Page, PageRequest, StoreError};

impl Reader {
    /// An organization by its number.
    pub fn organization(&self, org_no: &OrgNo) -> Result<Option<Organization>, StoreError> {
        let select = format!("{} WHERE org_no = ?1", rows::ORGANIZATIONS);
        self.one(&select, [org_no.as_str()], rows::organization)
    }

    /// Organizations.
    pub fn organizations(&self, page: PageRequest) -> Result<Page<Organization>, StoreError> {
        List::new(rows::ORGANIZATIONS, "no").page(&*self.conn()?, page, rows::organization)
    }

    /// An application by its id.
    pub fn application(&self, appid: &AppId) -> Result<Option<Application>, StoreError> {
        let select = format!("{} WHERE appid = ?1", rows::APPLICATIONS);
        self.one(&select, [appid.as_str()], rows::application)
    }

    /// Applications, or those of an organization.
    pub fn applications(
        &self,
        org_no: Option<&OrgNo>,
        page: PageRequest,
    ) -> Result<Page<Application>, StoreError> {
        let mut list = List::new(rows::APPLICATIONS, "no");
        list.text("org_no = ?", org_no.map(OrgNo::as_str));
        list.page(&*self.conn()?, page, rows::application)
    }

    /// Every application with its bids: what the server keeps in memory to let callers in.
    pub fn all_applications(&self) -> Result<Vec<(Application, Vec<Bid>)>, StoreError> {
        let conn = self.conn()?;
        // One view of both tables.
        let _view = conn.snapshot()?;
        let mut bids: HashMap<AppId, Vec<Bid>> = HashMap::new();
        let mut select = conn.prepare(rows::BIDS)?;
        for grant in select.query_and_then((), rows::bid)? {
            let (_, grant) = grant?;
            bids.entry(grant.appid).or_default().push(grant.bid);
        }
        let mut select = conn.prepare(rows::APPLICATIONS)?;
        let applications = select.query_and_then((), rows::application)?;
        applications
            .map(|found| {
                let (_, application) = found?;
                let bids = bids.remove(&application.appid).unwrap_or_default();
                Ok((application, bids))
            })
            .collect()
    }

    /// Bids, or those of an application.
    pub fn bids(
        &self,
        appid: Option<&AppId>,
        page: PageRequest,
    ) -> Result<Page<BidGrant>, StoreError> {
        let mut list = List::new(rows::BIDS, "no");
        list.text("appid = ?", appid.map(AppId::as_str));
        list.page(&*self.conn()?, page, rows::bid)
    }

    /// A project by its number.
    pub fn project(&self, project_no: &ProjectNo) -> Result<Option<Project>, StoreError> {
        let select = format!("{} WHERE project_no = ?1", rows::PROJECTS);
        self.one(&select, [project_no.as_str()], rows::project)
    }

    /// Projects.
    pub fn projects(&self, page: PageRequest) -> Result<Page<Project>, StoreError> {
        List::new(rows::PROJECTS, "no").page(&*self.conn()?, page, rows::project)
    }

    /// An activity and its frozen and held balance.
    pub fn activity(
        &self,
        activity_no: &ActivityNo,
    ) -> Result<Option<(Activity, Fen, Fen)>, StoreError> {
        let select = format!("{} WHERE activity_no = ?1", rows::ACTIVITIES_AND_BALANCES);
        self.one(&select, [activity_no.as_str()], rows::activity_and_balances)
    }

    /// Activities with their frozen and held balances.
    pub fn activities(
        &self,
        filter: &ActivityFilter,
        page: PageRequest,
    ) -> Result<Page<(Activity, Fen, Fen)>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::ACTIVITIES_AND_BALANCES, "a.no");
        list.text("a.org_no = ?", filter.org_no.as_ref().map(OrgNo::as_str))
            .text(
                conn.either(
                    "EXISTS (SELECT 1 FROM json_each(a.projects) WHERE value = ?)",
                    "jsonb_exists(CAST(a.projects AS JSONB), ?)",
                ),
                filter.project_no.as_ref().map(ProjectNo::as_str),
            )
            .code("a.status = ?", filter.status);
        list.page(&conn, page, rows::activity_and_balances)
    }
}
