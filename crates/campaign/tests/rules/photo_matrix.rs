//! The vendor's table of photos, said a second time and in another form, and every row and column of
//! it tried.

use huodong_campaign::EnrolRefusal::{KindExcluded, PhotoMissing, PhotoOutOfPlace};
use huodong_campaign::*;

use crate::scene::Scene;

/// One row for each activity and merchant's number: `!` must be carried, `?` may be, `.` must not;
/// `X` where such a merchant cannot enrol at all. The columns are the fields as the vendor spells
/// them.
const TABLE: &str = "
    activityId         type  sch coo per env fro tea org ren fph sup
    schoolcanteen_001  0      !   !   !   !   !   .   .   .   .   ?
    schoolcanteen_001  1      X   X   X   X   X   X   X   X   X   X
    schoolcanteen_001  2      !   !   !   !   !   .   .   .   .   ?
    schoolcanteen_001  3      !   .   .   !   !   !   .   .   .   ?
    schoolcanteen_001  4      !   .   .   !   !   !   .   .   .   ?
    schoolcanteen_001  5      !   .   .   !   !   !   .   .   .   ?
    education_001      0      .   .   .   .   .   .   !   !   !   ?
    education_001      1      .   .   .   .   .   .   !   !   !   ?
    education_001      2      .   .   .   .   .   .   !   !   !   ?
    education_001      3      .   .   .   .   .   .   !   !   !   ?
    education_001      4      .   .   .   .   .   .   !   !   !   ?
    education_001      5      .   .   .   .   .   .   !   !   !   ?
";

/// What the columns above are.
fn column(heading: &str) -> PhotoField {
    match heading {
        "sch" => PhotoField::School,
        "coo" => PhotoField::Cooperation,
        "per" => PhotoField::PreferentialRate,
        "env" => PhotoField::RestaurantEnvironment,
        "fro" => PhotoField::RestaurantFront,
        "tea" => PhotoField::TeachingLicence,
        "org" => PhotoField::Organization,
        "ren" => PhotoField::Rental,
        "fph" => PhotoField::Front,
        "sup" => PhotoField::Supplementary,
        other => panic!("{other} is no column"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Must,
    May,
    MustNot,
    Refused,
}

type Row = (RateActivity, MerchantKind, Vec<(PhotoField, Cell)>);

fn rows() -> Vec<Row> {
    let mut lines = TABLE.lines().map(str::split_whitespace).filter(|it| it.clone().count() > 0);
    let fields: Vec<PhotoField> = lines.next().unwrap().skip(2).map(column).collect();
    let row = |mut words: std::str::SplitWhitespace<'_>| {
        let activity = RateActivity::from_id(words.next().unwrap()).unwrap();
        let kind = MerchantKind::from_number(words.next().unwrap().parse().unwrap()).unwrap();
        let cells = words.map(|word| match word {
            "!" => Cell::Must,
            "?" => Cell::May,
            "." => Cell::MustNot,
            "X" => Cell::Refused,
            other => panic!("{other} is no cell"),
        });
        let cells: Vec<_> = fields.iter().copied().zip(cells).collect();
        assert_eq!(cells.len(), 10);
        (activity, kind, cells)
    };
    lines.map(row).collect()
}

/// What the table says of this field.
pub fn cell(activity: RateActivity, kind: MerchantKind, field: PhotoField) -> Cell {
    let rows = rows();
    let (_, _, cells) = rows.iter().find(|row| (row.0, row.1) == (activity, kind)).unwrap();
    cells.iter().find(|(of, _)| *of == field).unwrap().1
}

#[test]
fn the_table_has_a_row_for_every_activity_and_kind() {
    let rows: Vec<_> = rows().into_iter().map(|(activity, kind, _)| (activity, kind)).collect();
    let all = RateActivity::ALL
        .iter()
        .flat_map(|activity| MerchantKind::ALL.iter().map(move |kind| (*activity, *kind)));
    assert_eq!(rows, all.collect::<Vec<_>>());
}

#[test]
fn the_rules_hold_the_table_cell_by_cell() {
    let mut cells_seen = 0;
    for (activity, kind, cells) in rows() {
        let rule = photo_rule(activity, kind);
        for (field, cell) in cells {
            let says = match rule {
                None => Cell::Refused,
                Some(rule) if rule.must.contains(&field) => Cell::Must,
                Some(rule) if rule.may.contains(&field) => Cell::May,
                Some(_) => Cell::MustNot,
            };
            assert_eq!(says, cell, "{activity:?} {kind:?} {field:?}");
            cells_seen += 1;
        }
    }
    assert_eq!(cells_seen, 120);
}

#[test]
fn every_row_enrols_with_what_it_must_carry_and_with_what_it_may() {
    let mut enrolled = 0;
    for (activity, kind, cells) in rows() {
        let mut scene = Scene::gateway();
        let mut paper = scene.paper(activity, kind);
        if cells.contains(&(PhotoField::School, Cell::Refused)) {
            assert_eq!(scene.run(paper), Err(KindExcluded(kind)));
            continue;
        }
        let must = cells.iter().filter(|(_, cell)| *cell == Cell::Must).count();
        assert_eq!(paper.photos.len(), must);
        assert!(scene.run(paper.clone()).is_ok(), "{activity:?} {kind:?}");
        enrolled += 1;
        for (field, _) in cells.iter().filter(|(_, cell)| *cell == Cell::May) {
            let mut scene = Scene::gateway();
            paper.photos = scene.paper(activity, kind).photos;
            paper.photos.insert(*field, vec![scene.photo()]);
            paper.supplementary_remark = Some("a remark".into());
            assert!(scene.run(paper.clone()).is_ok(), "{activity:?} {kind:?} {field:?}");
            enrolled += 1;
        }
    }
    assert_eq!(enrolled, 11 * 2);
}

#[test]
fn every_cell_that_is_not_kept_to_is_refused_by_name() {
    let (mut missing, mut out_of_place) = (0, 0);
    for (activity, kind, cells) in rows() {
        let mut scene = Scene::gateway();
        let paper = scene.paper(activity, kind);
        for (field, cell) in cells {
            let mut paper = paper.clone();
            match cell {
                Cell::Must => {
                    paper.photos.remove(&field);
                    assert_eq!(scene.run(paper.clone()), Err(PhotoMissing(field)), "{activity:?}");
                    paper.photos.insert(field, Vec::new());
                    assert_eq!(scene.run(paper), Err(PhotoMissing(field)), "{activity:?}");
                    missing += 1;
                }
                Cell::MustNot => {
                    paper.photos.insert(field, vec![scene.photo()]);
                    assert_eq!(scene.run(paper.clone()), Err(PhotoOutOfPlace(field)), "{kind:?}");
                    out_of_place += 1;
                }
                Cell::Refused => assert_eq!(scene.run(paper), Err(KindExcluded(kind))),
                Cell::May => {}
            }
        }
    }
    assert_eq!((missing, out_of_place), (2 * 5 + 3 * 4 + 6 * 3, 2 * 4 + 3 * 5 + 6 * 6));
}

#[test]
fn the_first_field_that_is_wrong_is_the_one_that_is_named() {
    let mut scene = Scene::gateway();
    let mut paper = scene.paper(RateActivity::SchoolCanteen, MerchantKind::Institution);
    paper.photos.remove(&PhotoField::RestaurantFront);
    paper.photos.insert(PhotoField::Front, vec![scene.photo()]);
    assert_eq!(scene.run(paper.clone()), Err(PhotoMissing(PhotoField::RestaurantFront)));
    paper.photos.insert(PhotoField::Cooperation, vec![scene.photo()]);
    assert_eq!(scene.run(paper), Err(PhotoOutOfPlace(PhotoField::Cooperation)));
}
