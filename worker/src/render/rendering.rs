//! One original on its way through the steps.

use image::metadata::Orientation;
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::Transform;

use super::colour::{self, Profile};
use super::decode::{self, Bounds};
use super::frame::{self, BLACK};
use super::picture::Picture;
use super::plan::{Cut, Decoding, Plan, Size, plan};
use super::probe::{self, Header};
use super::resize::{Chroma, Pyramid};
use super::{Deadline, Limits, RenderError, Rendered, encode, orient, sniff};

/// One original whose header has passed.
pub(super) struct Rendering<'a> {
    original: &'a [u8],
    header: Header,
    profile: Option<Profile>,
    limits: &'a Limits,
    deadline: Deadline,
}

/// What becomes of the original in one variant.
struct Recipe {
    plan: Plan,
    cut: Cut,
}

impl<'a> Rendering<'a> {
    /// Sniff and probe.
    pub(super) fn begin(
        original: &'a [u8],
        limits: &'a Limits,
        deadline: Deadline,
    ) -> Result<Self, RenderError> {
        let header = probe::probe(original, sniff::sniff(original)?)?;
        header.check(limits)?;
        let profile = header.profile.as_deref().and_then(Profile::read);
        Ok(Self {
            original,
            header,
            profile,
            limits,
            deadline,
        })
    }

    fn orientation(&self) -> Orientation {
        self.header.orientation
    }

    /// Plan, decode, and the rest for each variant.
    pub(super) fn variants(
        &self,
        transforms: &[Transform],
    ) -> Result<Vec<Result<Rendered, RenderError>>, RenderError> {
        let recipes: Vec<_> = transforms
            .iter()
            .map(|transform| self.recipe(transform))
            .collect();
        let stored = self.header.stored;
        let needed = recipes.iter().flatten();
        let needed = needed.map(|recipe| Decoding::of(&recipe.cut, stored));
        let Some(decoding) = needed.reduce(Decoding::and) else {
            // Each says why it cannot be made.
            let errors = recipes.into_iter().filter_map(Result::err);
            return Ok(errors.map(Err).collect());
        };
        self.deadline.check()?;
        let bounds = Bounds {
            limits: self.limits,
            deadline: self.deadline,
        };
        let source = decode::decode(self.original, &self.header, &decoding, bounds)?;
        let mut pyramid = Pyramid::new(source);
        let variants = recipes.into_iter().zip(transforms);
        Ok(variants
            .map(|(recipe, transform)| self.variant(&recipe?, transform, &mut pyramid))
            .collect())
    }

    fn recipe(&self, transform: &Transform) -> Result<Recipe, RenderError> {
        let (stored, orientation) = (self.header.stored, self.orientation());
        let plan = plan(stored.turned(orientation), transform, self.limits)?;
        let cut = Cut::of(&plan, orientation, stored);
        Ok(Recipe { plan, cut })
    }

    fn variant(
        &self,
        recipe: &Recipe,
        transform: &Transform,
        pyramid: &mut Pyramid,
    ) -> Result<Rendered, RenderError> {
        self.deadline.check()?;
        let chroma = if self.stays_in_planes(recipe, transform) {
            orient::quarter(self.orientation())
        } else {
            Chroma::Full
        };
        let picture = pyramid.cut(&recipe.cut, chroma)?;
        let picture = orient::orient(picture, self.orientation());
        if let (Picture::Planes(planes), Chroma::Quarter { .. }) = (&picture, chroma) {
            let bytes = encode::planes(planes, transform.quality)?;
            return Ok(rendered(bytes, planes.luma.size()));
        }
        let pixels = colour::to_srgb(picture, self.profile.as_ref());
        self.deadline.check()?;
        let pixels = frame::letterbox(pixels, &recipe.plan, BLACK);
        let size = pixels.size();
        let bytes = encode::encode(pixels, transform.format, transform.quality)?;
        Ok(rendered(bytes, size))
    }

    /// Can a picture go from the JPEG decoder to the JPEG encoder without becoming RGB?
    fn stays_in_planes(&self, recipe: &Recipe, transform: &Transform) -> bool {
        self.header.format == Format::Jpeg
            && transform.format == Format::Jpeg
            && self.profile.is_none()
            && recipe.plan.canvas.is_none()
    }
}

fn rendered(bytes: Vec<u8>, size: Size) -> Rendered {
    Rendered {
        bytes,
        width_px: size.width,
        height_px: size.height,
    }
}
