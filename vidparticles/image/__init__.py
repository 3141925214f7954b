"""Pictures as arrays: resampling, local structure, discs to pixels, small linear algebra."""
