# Adds to an atom the -v model and the vector that this makes of it.
# -v broken=true: the model fails on three atoms of sixteen, for good.

{
	if (broken == "true" && $1 ~ /[037]$/)
		fail("told to fail by the parameter 'fault'")
	else
		answer($0 "\t" model "\t" vector(model, $3, $4, $5, $6))
}
