"""Where trainings run: processes of this machine, Ray, or Slurm."""
