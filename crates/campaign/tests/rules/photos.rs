use std::sync::Arc;

use huodong_campaign::*;

use crate::gateway_scene::cert_id;
use crate::scene::Scene;

fn remove(photos: &[Id], scene: &Scene) -> RemovePhotos {
    RemovePhotos { photos: photos.to_vec(), uploaded_until: scene.now }
}

#[test]
fn a_photo_is_kept_with_its_content() {
    let mut scene = Scene::gateway();
    let photo = scene.run(Scene::upload(0, 7)).unwrap();
    let expected = Photo {
        id: photo.id,
        cert_id: cert_id(0),
        sha256: [7; 32],
        format: PhotoFormat::Jpeg,
        bytes: 3,
        name: "a.jpg".into(),
        pic_type: "A001".into(),
        flow_id: "flow".into(),
        uploaded_at: scene.now,
        used: false,
    };
    assert_eq!(photo, expected);
    assert_eq!(*scene.stored.photo_contents[&[7; 32]], [7; 3]);
}

#[test]
fn a_photo_has_a_content_within_bounds() {
    let mut scene = Scene::gateway();
    let of = |bytes: usize| StorePhoto { content: vec![1; bytes].into(), ..Scene::upload(0, 1) };
    assert_eq!(scene.run(of(0)), Err(PhotoRefusal::Size));
    assert_eq!(scene.run(of(PHOTO_BYTES_MAX + 1)), Err(PhotoRefusal::Size));
    assert_eq!(scene.run(of(PHOTO_BYTES_MAX)).unwrap().bytes, 2_097_152);
    assert_eq!(of(5).bytes(), 5, "what a batch and the queue are bounded by");
}

#[test]
fn photos_of_who_is_not_let_in_are_not_kept() {
    let mut scene = Scene::gateway();
    assert_eq!(scene.run(Scene::upload(7, 1)), Err(PhotoRefusal::UnknownInitiator));
    scene.run(RevokeInitiator { cert_id: cert_id(1) }).unwrap();
    assert_eq!(scene.run(Scene::upload(1, 1)), Err(PhotoRefusal::UnknownInitiator));
    assert!(scene.stored.photo_contents.is_empty());
}

#[test]
fn only_photos_that_no_enrolment_names_and_only_old_ones_are_removed() {
    let mut scene = Scene::gateway();
    let paper = scene.centre();
    let used: Vec<Id> = paper.photos.values().flatten().copied().collect();
    let old = scene.photo();
    scene.pass(60);
    let id = scene.run(paper).unwrap().id;
    let new = scene.photo();
    let all = [&used[..], &[old, new, Id(7), old]].concat();
    scene.pass(-60);
    let command = remove(&all, &scene);
    scene.pass(60);
    assert_eq!(scene.run(command.clone()), Ok(1));
    assert_eq!(scene.run(command), Ok(0), "asking twice does no harm");
    assert!(!scene.stored.photos.contains_key(&old));
    assert!(scene.stored.photos.contains_key(&new));
    let reason = "blurred".into();
    let (decision, by) = (Decision::Reject { reason }, TokenId::from("one"));
    scene.run(DecideEnrolment { enrolment: id, decision, by }).unwrap();
    let command = remove(&all, &scene);
    assert_eq!(scene.run(command), Ok(1), "a rejected enrolment keeps its photos");
    assert!(used.iter().all(|id| scene.stored.photos.contains_key(id)));
}

#[test]
fn what_was_removed_is_unknown_to_the_rest_of_the_batch() {
    let mut scene = Scene::gateway();
    let paper = scene.centre();
    let front = paper.photos[&PhotoField::Front][0];
    let command = remove(&[front], &scene);
    let mut wanted = Wanted::default();
    command.wants(&mut wanted);
    paper.wants(&mut wanted);
    let mut world = scene.stored.load(&wanted, scene.now);
    assert_eq!(command.decide(&mut world), Ok(1));
    assert!(world.is_changed());
    assert_eq!(paper.decide(&mut world), Err(EnrolRefusal::UnknownPhoto(front)));
    // And the other way round: what was just named is not removed.
    let mut world = scene.stored.load(&wanted, scene.now);
    paper.decide(&mut world).unwrap();
    assert_eq!(command.decide(&mut world), Ok(0));
}

#[test]
fn contents_are_not_printed() {
    let mut world = World::new(Scene::gateway().now, 1);
    let content: Arc<[u8]> = vec![111; 999].into();
    world.photo_contents.push(PhotoContent { sha256: [0; 32], content: content.clone() });
    let printed = format!("{:?}", StorePhoto { content, ..Scene::upload(0, 1) });
    for printed in [printed, format!("{:?}", world.photo_contents)] {
        assert!(printed.contains("999") && !printed.contains("111"), "{printed}");
    }
}
