"""README's first example: particles, three laws, a rollout, its gradient, jit and vmap."""

import numpy as np


def test_readme_dynamics():
    # README: begin
    import jax
    import jax.numpy as jnp

    from vidparticles import dynamics as vd
    from vidparticles.particles import particles

    displacement_fn, shift_fn = vd.free()
    force_fn = vd.total(
        attraction=vd.all_pairs(vd.attraction, displacement_fn, softening=0.1),
        repulsion=vd.all_pairs(vd.repulsion, displacement_fn, strength=0.02, softening=0.05),
        collision=vd.all_pairs(vd.collision, displacement_fn, stiffness=20.0, diameter=0.1),
    )
    verlet = vd.velocity_verlet(force_fn, shift_fn, dt=0.02)

    def spread(strength, position):  # of 16 particles after one second
        params = {"attraction": {"strength": strength}}
        path = vd.rollout(verlet, particles(position), steps=50, params=params)
        return jnp.var(path.at(-1).position)

    clips = jax.random.uniform(jax.random.key(0), (8, 16, 2))
    slopes = jax.jit(jax.vmap(jax.grad(spread), in_axes=(None, 0)))(0.05, clips)
    # README: end
    assert slopes.shape == (8,)
    ahead, behind = (np.asarray(jax.jit(spread)(0.05 + h, clips[0])) for h in (1e-3, -1e-3))
    np.testing.assert_allclose(slopes[0], (ahead - behind) / 2e-3, rtol=0.02)
    assert abs(slopes[0]) > 1e-4
